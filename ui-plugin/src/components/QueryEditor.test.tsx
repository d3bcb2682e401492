import { setTemplateSrv, TemplateSrv } from '@grafana/runtime';
import { CodeEditor } from '@grafana/ui';
import { act, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React, { ComponentProps } from 'react';

import { datasourceWith, Stateful } from '../testing/fixtures';
import { TrefoilQuery } from '../types';
import { QueryEditor } from './QueryEditor';

// No dashboard, no variables.
setTemplateSrv({ replace: (text?: string) => text ?? '' } as TemplateSrv);

type CodeProps = ComponentProps<typeof CodeEditor>;
let code: CodeProps;

// Monaco does not run without a browser, so a text area stands for it and the tests call its callbacks.
jest.mock('@grafana/ui', () => ({
  ...jest.requireActual('@grafana/ui'),
  CodeEditor: (props: CodeProps) => {
    code = props;
    return <textarea aria-label="code" value={props.value} onChange={(e) => props.onChange?.(e.currentTarget.value)} />;
  },
}));

function setup(query: Partial<TrefoilQuery> = {}) {
  const onChange = jest.fn<void, [TrefoilQuery]>();
  const onRunQuery = jest.fn();
  const datasource = datasourceWith((path, params) => {
    switch (path) {
      case 'metrics':
        return ['http_requests_total', 'up'];
      case 'services':
        return ['cart', 'checkout'];
      case 'labels':
        return ['http.route', 'user.id'];
      case 'label-values':
        return [`value of ${params?.name}`];
      case 'check':
        return params?.query === 'sum(' ? { message: 'unclosed', line: 1, column: 4 } : { kind: 'vector' };
      default:
        throw new Error(`unexpected resource ${path}`);
    }
  });
  const view = render(<Stateful {...{ editor: QueryEditor, query, datasource, onChange, onRunQuery }} />);
  const last = () => onChange.mock.lastCall![0];
  return { ...view, user: userEvent.setup(), onChange, onRunQuery, datasource, last };
}

describe('tabs', () => {
  it('open on metrics and keep what was typed in each', async () => {
    const { user, last } = setup();
    expect(screen.getByRole('tab', { name: 'Metrics' })).toHaveAttribute('aria-selected', 'true');
    await user.type(screen.getByLabelText('code'), 'up');
    await user.click(screen.getByRole('tab', { name: 'Traces' }));
    await user.type(screen.getByLabelText('Trace ID'), 'ab');
    await user.click(screen.getByRole('tab', { name: 'Metrics' }));
    expect(screen.getByLabelText('code')).toHaveValue('up');
    expect(last()).toMatchObject({ refId: 'A', queryType: 'metrics', expr: 'up', traceId: 'ab' });
  });

  it('show the signal of a saved query', () => {
    setup({ queryType: 'logs', text: 'refused' });
    expect(screen.getByLabelText('Text')).toHaveValue('refused');
  });
});

describe('metrics', () => {
  it('says under the field that an expression is missing, until there is one', async () => {
    const { user } = setup();
    expect(screen.getByRole('alert')).toHaveTextContent('Enter an expression');
    await user.type(screen.getByLabelText('code'), 'u');
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  });

  it('switches language and type and runs', async () => {
    const { user, last, onRunQuery } = setup({ expr: 'up' });
    await user.click(screen.getByRole('radio', { name: 'MetricsQL' }));
    expect(last().language).toBe('metricsql');
    await user.click(screen.getByRole('radio', { name: 'Instant' }));
    expect(last().instant).toBe(true);
    expect(onRunQuery).toHaveBeenCalledTimes(2);
    expect(screen.queryByLabelText('Step')).not.toBeInTheDocument();
  });

  it('takes a legend and a step, and refuses what is no duration', async () => {
    const { user, last, onRunQuery } = setup({ expr: 'up' });
    await user.click(screen.getByLabelText('Legend'));
    await user.paste('{{job}}');
    await user.type(screen.getByLabelText('Step'), '30');
    expect(screen.getByRole('alert')).toHaveTextContent('Not a duration');
    await user.type(screen.getByLabelText('Step'), 's');
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
    expect(last()).toMatchObject({ legendFormat: '{{job}}', step: '30s' });
    expect(onRunQuery).not.toHaveBeenCalled();
    await user.keyboard('{Shift>}{Enter}{/Shift}');
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });

  /** Mounts a Monaco that does nothing but remember. */
  function mount() {
    const addAction = jest.fn();
    const setModelMarkers = jest.fn();
    const model = { getLineCount: () => 1, getLineLength: () => 4, getWordAtPosition: () => null };
    const monaco = {
      KeyMod: { Shift: 1024 },
      KeyCode: { Enter: 3 },
      MarkerSeverity: { Error: 8 },
      editor: { setModelMarkers },
    };
    const editor = { addAction, updateOptions: jest.fn(), getModel: () => model };
    act(() => code.onEditorDidMount!(editor as never, monaco as never));
    return { action: addAction.mock.calls[0][0], setModelMarkers };
  }

  it('runs on Shift+Enter in the code editor, the latest callback', () => {
    const { rerender, datasource, onRunQuery } = setup({ expr: 'up' });
    const { action } = mount();
    expect(action.keybindings).toEqual([1027]);
    const later = jest.fn();
    rerender(<Stateful editor={QueryEditor} datasource={datasource} onChange={jest.fn()} onRunQuery={later} />);
    action.run();
    expect(later).toHaveBeenCalledTimes(1);
    expect(onRunQuery).not.toHaveBeenCalled();
  });

  it('keeps what else was changed since the editor was mounted', async () => {
    const { user, last } = setup({ expr: 'up' });
    const typed = code.onChange!; // Monaco calls the one of its mount for ever
    await user.click(screen.getByRole('radio', { name: 'Instant' }));
    act(() => typed('up == 0'));
    expect(last()).toMatchObject({ expr: 'up == 0', instant: true });
  });

  it('underlines a mistake and tells it below, once typing has stopped', async () => {
    const { datasource } = setup({ expr: 'sum(' });
    const { setModelMarkers } = mount();
    expect(await screen.findByText('Line 1, column 4: unclosed')).toBeInTheDocument();
    expect(datasource.postResource).toHaveBeenCalledWith(
      'check',
      { language: 'promql', query: 'sum(' },
      expect.anything()
    );
    expect(setModelMarkers.mock.lastCall[2]).toMatchObject([{ message: 'unclosed', startColumn: 4 }]);
    fireEvent.change(screen.getByLabelText('code'), { target: { value: 'sum(x)' } });
    expect(screen.queryByText(/unclosed/)).not.toBeInTheDocument();
    expect(setModelMarkers.mock.lastCall[2]).toEqual([]);
  });
});

describe('the metrics builder', () => {
  it('builds an expression from what there is, and explains it', async () => {
    const { user, last, onRunQuery, datasource } = setup();
    await user.click(screen.getByRole('radio', { name: 'Builder' }));
    await user.click(screen.getByLabelText('Metric'));
    await user.click(await screen.findByRole('option', { name: 'http_requests_total' }));
    expect(last()).toMatchObject({ metricsMode: 'builder', expr: 'http_requests_total' });
    await user.click(screen.getByRole('button', { name: 'Label' }));
    await user.click(screen.getByLabelText('Label'));
    await user.click(await screen.findByRole('option', { name: 'http.route' }));
    expect(datasource.getResource).toHaveBeenCalledWith(
      'labels',
      expect.objectContaining({ signal: 'metrics', match: 'http_requests_total' })
    );
    await user.click(screen.getByLabelText('Value'));
    await user.click(await screen.findByRole('option', { name: 'value of http.route' }));
    await user.click(screen.getByLabelText('Add an operation'));
    await user.click(await screen.findByRole('option', { name: 'rate' }));
    expect(last().expr).toBe('rate(http_requests_total{"http.route"="value of http.route"}[$__rate_interval])');
    expect(screen.getByText(/The increase per second of a counter/)).toBeInTheDocument();
    expect(onRunQuery).toHaveBeenCalledTimes(3);
    await user.click(screen.getByRole('button', { name: 'Remove operation 1' }));
    await user.click(screen.getByRole('button', { name: 'Remove label 1' }));
    expect(last().expr).toBe('http_requests_total');
  });

  it('says that an expression typed as code would be replaced', () => {
    setup({ expr: 'a / b', metricsMode: 'builder' });
    expect(screen.getByText(/replaces what was typed as code/)).toBeInTheDocument();
  });
});

describe('trace search', () => {
  it('is a form with services, status and durations', async () => {
    const { user, last, onRunQuery, datasource } = setup({ queryType: 'traces' });
    await user.click(screen.getByRole('radio', { name: 'Search' }));
    await user.click(screen.getByLabelText('Service'));
    await user.click(await screen.findByRole('option', { name: 'cart' }));
    await user.click(screen.getByLabelText('Span name'));
    await user.click(await screen.findByRole('option', { name: 'value of span:name' }));
    expect(datasource.getResource).toHaveBeenCalledWith(
      'label-values',
      expect.objectContaining({ signal: 'traces', name: 'span:name', match: '{ resource.service.name = "cart" }' })
    );
    await user.type(screen.getByLabelText('At least'), '25');
    expect(screen.getByRole('alert')).toHaveTextContent('Not a duration');
    await user.type(screen.getByLabelText('At least'), '0ms');
    await user.click(screen.getByLabelText('Status'));
    await user.click(await screen.findByRole('option', { name: 'Failed' }));
    expect(last()).toMatchObject({
      tracesMode: 'search',
      search: { service: 'cart', operation: 'value of span:name', minDuration: '250ms', status: 'error' },
    });
    expect(onRunQuery).toHaveBeenCalledTimes(3);
  });

  it('is also TraceQL, and the service graph', async () => {
    const { user, last, onRunQuery } = setup({ queryType: 'traces' });
    await user.click(screen.getByRole('radio', { name: 'TraceQL' }));
    expect(screen.getByRole('alert')).toHaveTextContent('{ status = error }');
    fireEvent.change(screen.getByLabelText('code'), { target: { value: '{ }' } });
    expect(last().traceql).toBe('{ }');
    await user.click(screen.getByRole('radio', { name: 'Service graph' }));
    expect(last().tracesMode).toBe('graph');
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });
});

describe('alerts', () => {
  it('lists them or tells their history', async () => {
    const { user, last, onRunQuery } = setup({ queryType: 'alerts' });
    expect(screen.getByRole('radio', { name: 'List' })).toBeChecked();
    await user.click(screen.getByRole('radio', { name: 'History' }));
    expect(last()).toMatchObject({ queryType: 'alerts', alertsMode: 'history' });
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });
});

describe('logs', () => {
  it('shows that they are of one trace, until that is dropped', async () => {
    const { user, last } = setup({ queryType: 'logs', logTraceId: 'ab' });
    await user.click(screen.getByRole('button', { name: /trace ab/ }));
    expect(last().logTraceId).toBeUndefined();
  });

  it('filters by service, severity, text and limit', async () => {
    const { user, last, onRunQuery, datasource } = setup({ queryType: 'logs' });
    await user.click(screen.getByLabelText('Service'));
    await user.click(await screen.findByRole('option', { name: 'checkout' }));
    expect(datasource.getResource).toHaveBeenCalledWith('services', { start: 1772362800000, end: 1772366400000 });
    await user.click(screen.getByLabelText('Severity'));
    await user.click(await screen.findByRole('option', { name: 'WARN and above' }));
    expect(onRunQuery).toHaveBeenCalledTimes(2);
    await user.type(screen.getByLabelText('Text'), 'refused{Enter}');
    expect(onRunQuery).toHaveBeenCalledTimes(3);
    await user.type(screen.getByLabelText('Line limit'), '50');
    expect(last()).toMatchObject({ service: 'checkout', severity: 'WARN', text: 'refused', lineLimit: 50 });
    await user.clear(screen.getByLabelText('Line limit'));
    expect(last().lineLimit).toBeUndefined();
  });

  it('says that a limit is out of bounds', async () => {
    const { user } = setup({ queryType: 'logs' });
    await user.type(screen.getByLabelText('Line limit'), '500000');
    expect(screen.getByRole('alert')).toHaveTextContent('Between 1 and 100000');
  });

  it('adds, fills in and removes attribute filters', async () => {
    const { user, last, onRunQuery, datasource } = setup({ queryType: 'logs' });
    await user.click(screen.getByRole('button', { name: 'Filter by attribute' }));
    await user.click(screen.getByLabelText('Attribute'));
    await user.click(await screen.findByRole('option', { name: 'http.route' }));
    expect(onRunQuery).not.toHaveBeenCalled();
    await user.click(screen.getByLabelText('Value'));
    await user.click(await screen.findByRole('option', { name: 'value of http.route' }));
    expect(onRunQuery).toHaveBeenCalledTimes(1);
    expect(datasource.getResource).toHaveBeenCalledWith(
      'label-values',
      expect.objectContaining({ signal: 'logs', name: 'http.route' })
    );
    await user.click(screen.getByLabelText('Operator'));
    await user.click(await screen.findByRole('option', { name: '!=' }));
    expect(last().attributes).toEqual([{ key: 'http.route', op: '!=', value: 'value of http.route' }]);
    await user.click(screen.getByRole('button', { name: 'Remove attribute 1' }));
    expect(last().attributes).toEqual([]);
  });
});

describe('LogQL', () => {
  it('is written as code, with a legend and a step where it makes series', async () => {
    const { user, last } = setup({ queryType: 'logs' });
    await user.click(screen.getByRole('radio', { name: 'Code' }));
    expect(screen.getByRole('alert')).toHaveTextContent('Enter a query, such as {service_name="cart"}');
    fireEvent.change(screen.getByLabelText('code'), { target: { value: '{} |= "x"' } });
    expect(last()).toMatchObject({ logsMode: 'code', logql: '{} |= "x"' });
    expect(screen.queryByLabelText('Legend')).not.toBeInTheDocument();
    fireEvent.change(screen.getByLabelText('code'), { target: { value: 'rate({}[5m])' } });
    await user.type(screen.getByLabelText('Legend'), 'lines');
    await user.type(screen.getByLabelText('Step'), '1m');
    await user.type(screen.getByLabelText('Line limit'), '7');
    expect(last()).toMatchObject({ logql: 'rate({}[5m])', legendFormat: 'lines', step: '1m', lineLimit: 7 });
  });

  it('is built of chips, line filters and a parser, and explained', async () => {
    const { user, last, onRunQuery } = setup({ queryType: 'logs', logsMode: 'builder' });
    await user.click(screen.getByLabelText('Label'));
    await user.click(await screen.findByRole('option', { name: 'http.route' }));
    await user.click(screen.getByLabelText('Label: value'));
    await user.click(await screen.findByRole('option', { name: 'value of http.route' }));
    expect(last().logql).toBe('{http_route="value of http.route"}');
    expect(onRunQuery).toHaveBeenCalledTimes(1);
    await user.click(screen.getByRole('button', { name: 'Line filter' }));
    await user.type(screen.getByLabelText('Text of the line'), 'refused{Enter}');
    expect(onRunQuery).toHaveBeenCalledTimes(2);
    await user.click(screen.getByLabelText('Parser'));
    await user.click(await screen.findByRole('option', { name: /^json/ }));
    await user.click(screen.getByLabelText('Field'));
    await user.click(await screen.findByRole('option', { name: 'user.id' }));
    await user.click(screen.getByLabelText('Field: value'));
    await user.click(await screen.findByRole('option', { name: 'value of user.id' }));
    expect(last().logql).toBe('{http_route="value of http.route"} |= "refused" | json | user_id="value of user.id"');
    expect(screen.getByText('Only those whose text contains refused.')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: /^http.route = / }));
    await user.click(screen.getByRole('button', { name: 'Remove line filter 1' }));
    expect(last().logql).toBe('{} | json | user_id="value of user.id"');
  });

  it('is built into series by a function over lines and others over those', async () => {
    const { user, last, onRunQuery } = setup({ queryType: 'logs', logsMode: 'builder' });
    const add = async (name: string) => {
      await user.click(screen.getByLabelText('Add an operation'));
      await user.click(await screen.findByRole('option', { name }));
    };
    await user.click(screen.getByLabelText('Add an operation'));
    expect(await screen.findByRole('option', { name: 'rate' })).toBeInTheDocument();
    expect(screen.queryByRole('option', { name: 'sum' })).not.toBeInTheDocument();
    await user.click(screen.getByRole('option', { name: 'rate' }));
    await add('sum');
    fireEvent.change(screen.getByLabelText('sum: By labels'), { target: { value: 'http.route' } });
    expect(last().logql).toBe('sum by (http_route) (rate({} [$__interval]))');
    expect(screen.getByText('The sum for each http.route.')).toBeInTheDocument();
    expect(screen.getByLabelText('Legend')).toBeInTheDocument();
    expect(onRunQuery).toHaveBeenCalledTimes(2);
    await user.click(screen.getByRole('button', { name: 'Remove operation 1' }));
    expect(last().logql).toBe('{}');
  });

  it('says that a query typed as code would be replaced', () => {
    setup({ queryType: 'logs', logsMode: 'builder', logql: 'rate({}[1m])' });
    expect(screen.getByText(/replaces what was typed as code/)).toBeInTheDocument();
  });
});

describe('traces', () => {
  it('checks the trace ID as it is typed', async () => {
    const { user, last, onRunQuery } = setup({ queryType: 'traces' });
    expect(screen.getByRole('alert')).toHaveTextContent('Enter a trace ID');
    await user.type(screen.getByLabelText('Trace ID'), '5b8e');
    expect(screen.getByRole('alert')).toHaveTextContent('32 hexadecimal digits are expected, these are 4 characters');
    await user.type(screen.getByLabelText('Trace ID'), 'fff798038103d269b633813fc60c{Shift>}{Enter}{/Shift}');
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
    expect(last().traceId).toBe('5b8efff798038103d269b633813fc60c');
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });
});
