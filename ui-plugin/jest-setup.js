// Jest setup provided by Grafana scaffolding
import './.config/jest-setup';
import { configure } from '@testing-library/react';

// Typing into real components takes seconds on a busy machine.
configure({ asyncUtilTimeout: 20000 });

// jsdom lays nothing out. Combobox measures text on a canvas and draws only the options that fit its box.
HTMLCanvasElement.prototype.getContext = () => ({ measureText: (text) => ({ width: text.length * 8 }) });
for (const side of ['clientWidth', 'clientHeight']) {
  Object.defineProperty(Element.prototype, side, { configurable: true, value: 400 });
}

// jsdom has no observers; nothing here is ever scrolled or resized.
class NoObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
Object.assign(global, { IntersectionObserver: NoObserver, ResizeObserver: NoObserver });
