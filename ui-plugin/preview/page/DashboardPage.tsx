import { CoreApp, CustomVariableSupport, DataFrame, LoadingState, TimeRange } from '@grafana/data';
import { Alert, Combobox, Field, PanelChrome, Stack, Text } from '@grafana/ui';
import React, { useEffect, useMemo, useState } from 'react';
import { lastValueFrom } from 'rxjs';

import type { TrefoilDatasource } from '../../src/datasource';
import type { TrefoilQuery } from '../../src/types';
import { Frames } from './Frames';
import { Loaded } from './plugin';
import { lastMinutes, requestOf, useQuery } from './run';
import { setVariables, Variables } from './services';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: TrefoilQuery[];
  options?: { content?: string };
  fieldConfig?: { defaults?: { unit?: string; min?: number; custom?: { stacking?: { mode?: string } } } };
}

interface Variable {
  name: string;
  type: string;
  label?: string;
  multi?: boolean;
  query?: TrefoilQuery;
  current?: { value?: string | string[] };
}

interface Dashboard {
  title: string;
  panels: Panel[];
  templating?: { list: Variable[] };
}

const WIDTH = 1240;
const CELL = WIDTH / 24;
const ROW = 36;

/** One of the shipped dashboards: its variables and its panels, at their places. */
export function DashboardPage({ datasource, name }: Loaded & { name: string }) {
  const [dashboard, setDashboard] = useState<Dashboard>();
  const [values, setValues] = useState<Variables>();
  const [error, setError] = useState('');
  const range = useMemo(() => lastMinutes(15), []);
  useEffect(() => {
    fetch(`/dashboards/${name}.json`)
      .then((r) => r.json())
      .then(setDashboard)
      .catch((err) => setError(String(err)));
  }, [name]);
  const queried = (dashboard?.templating?.list ?? []).filter((v) => v.type === 'query' && v.query);
  useEffect(() => {
    if (dashboard) {
      firstValues(datasource, dashboard, range).then(setValues, (err) => setError(String(err?.message ?? err)));
    }
  }, [datasource, dashboard, range]);

  if (error) {
    return <Alert title="The dashboard cannot be shown">{error}</Alert>;
  }
  if (!dashboard || !values) {
    return <Text>Loading</Text>;
  }
  setVariables(values);
  const height = Math.max(...dashboard.panels.map((p) => (p.gridPos.y + p.gridPos.h) * ROW));
  return (
    <Stack direction="column" gap={2}>
      <Text element="h1" variant="h3">
        {dashboard.title}
      </Text>
      <Stack direction="row" gap={2}>
        {queried.map((variable) => (
          <Field noMargin key={variable.name} label={variable.label ?? variable.name} htmlFor={`var-${variable.name}`}>
            <Combobox
              id={`var-${variable.name}`}
              width={30}
              value={String(values[variable.name] ?? '')}
              options={async () => (await optionsOf(datasource, variable, range)).map((value) => ({ value }))}
              onChange={(option) => setValues({ ...values, [variable.name]: option.value })}
            />
          </Field>
        ))}
      </Stack>
      <div style={{ position: 'relative', width: WIDTH, height }}>
        {dashboard.panels.map((panel) => (
          <DashboardPanel
            key={`${panel.id} ${JSON.stringify(values)}`}
            panel={panel}
            datasource={datasource}
            range={range}
          />
        ))}
      </div>
    </Stack>
  );
}

function DashboardPanel({
  panel,
  datasource,
  range,
}: {
  panel: Panel;
  datasource: TrefoilDatasource;
  range: TimeRange;
}) {
  const { response, run } = useQuery(datasource);
  const targets = panel.targets;
  useEffect(() => {
    if (targets?.length) {
      run(requestOf(targets, range, CoreApp.Dashboard));
    }
  }, [run, targets, range]);
  const { x, y, w, h } = panel.gridPos;
  const place = {
    position: 'absolute',
    left: x * CELL,
    top: y * ROW,
    width: w * CELL - 8,
    height: h * ROW - 8,
  } as const;
  const as =
    panel.type === 'stat'
      ? 'stat'
      : panel.type === 'timeseries'
        ? 'graph'
        : panel.type === 'table'
          ? 'table'
          : undefined;
  const defaults = panel.fieldConfig?.defaults;
  const stacked = defaults?.custom?.stacking?.mode === 'normal';
  const options = useMemo(() => ({ unit: defaults?.unit, min: defaults?.min, stacked }), [defaults, stacked]);
  if (panel.type === 'row') {
    return (
      <div style={place}>
        <Text element="h2" variant="h5">
          {panel.title}
        </Text>
      </div>
    );
  }
  return (
    <section style={place} aria-label={panel.title} data-testid="panel" data-state={response.state}>
      <PanelChrome
        title={panel.title}
        width={place.width}
        height={place.height}
        loadingState={response.state ?? LoadingState.Done}
        statusMessage={response.errors?.[0]?.message}
      >
        {(width, height) => (
          <div style={{ overflow: 'auto', width, height }}>
            <Frames
              frames={response.data as DataFrame[]}
              range={range}
              width={width}
              height={height}
              as={as}
              options={options}
            />
          </div>
        )}
      </PanelChrome>
    </section>
  );
}

async function optionsOf(datasource: TrefoilDatasource, variable: Variable, range: TimeRange): Promise<string[]> {
  const support = datasource.variables as CustomVariableSupport<TrefoilDatasource, TrefoilQuery> | undefined;
  if (!support || !variable.query) {
    return [];
  }
  const { data } = await lastValueFrom(support.query(requestOf([variable.query], range, CoreApp.Dashboard)));
  return data.map((value: { text?: string; value?: string }) => String(value.value ?? value.text));
}

/** Each variable's saved value or else its first, in order: a later one may depend on it. */
async function firstValues(datasource: TrefoilDatasource, dashboard: Dashboard, range: TimeRange): Promise<Variables> {
  const values: Variables = {};
  for (const variable of dashboard.templating?.list ?? []) {
    const saved = variable.current?.value;
    if (variable.type === 'query') {
      setVariables(values);
      const all = variable.multi && (!saved || String(saved) === '$__all');
      const options = all || !saved ? await optionsOf(datasource, variable, range) : [];
      values[variable.name] = all ? options : (saved ?? options[0] ?? '');
    } else if (variable.type !== 'datasource' && variable.type !== 'adhoc') {
      values[variable.name] = saved ?? '';
    }
  }
  return values;
}
