import { CustomVariableSupport, DataQueryRequest, MetricFindValue } from '@grafana/data';
import { from, map, Observable } from 'rxjs';

import { VariableEditor } from './components/VariableEditor';
import type { TrefoilDatasource } from './datasource';
import { TrefoilOptions, TrefoilQuery } from './types';

/** Variables of dashboards: names and values from the data, narrowed down by other variables. */
export class TrefoilVariables extends CustomVariableSupport<
  TrefoilDatasource,
  TrefoilQuery,
  TrefoilQuery,
  TrefoilOptions
> {
  editor = VariableEditor;

  constructor(private readonly datasource: TrefoilDatasource) {
    super();
  }

  query(request: DataQueryRequest<TrefoilQuery>): Observable<{ data: MetricFindValue[] }> {
    const [query] = request.targets;
    const found = this.datasource.listVariable(query?.variable, request.range, request.scopedVars);
    return from(found).pipe(map((names) => ({ data: names.map((text) => ({ text, value: text })) })));
  }
}
