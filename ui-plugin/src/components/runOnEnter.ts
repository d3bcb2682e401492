import { KeyboardEvent } from 'react';

/** Runs the query on Enter and Shift+Enter in a one-line field. */
export function runOnEnter(run: () => void) {
  return (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      run();
    }
  };
}
