import { DataSourcePluginOptionsEditorProps, DataSourceSettings } from '@grafana/data';
import { Combobox, Field, FieldSet, Input, SecretInput, SecretTextArea, Switch } from '@grafana/ui';
import React from 'react';

import { AuthMethod, TrefoilOptions, TrefoilSecrets } from '../types';
import { checkDuration, checkTenant, checkUrl, checkWholeNumber } from '../validation';

type Props = DataSourcePluginOptionsEditorProps<TrefoilOptions, TrefoilSecrets>;
type Settings = DataSourceSettings<TrefoilOptions, TrefoilSecrets>;

const WIDTH = 50;

const METHODS: Array<{ value: AuthMethod; label: string; description?: string }> = [
  { value: 'none', label: 'No authentication' },
  { value: 'basic', label: 'Basic authentication' },
  { value: 'token', label: 'Bearer token' },
  { value: 'forward', label: 'Forward OAuth identity', description: "The Grafana user's own token" },
];

/** How the stored settings authenticate, whoever wrote them. */
export function authMethod({ basicAuth, jsonData, secureJsonFields }: Settings): AuthMethod {
  if (basicAuth) {
    return 'basic';
  }
  if (jsonData.oauthPassThru) {
    return 'forward';
  }
  return jsonData.authMethod === 'token' || secureJsonFields?.bearerToken ? 'token' : 'none';
}

/** Settings that authenticate by one method and by no other: secrets of the rest are dropped. */
export function withAuthMethod(settings: Settings, method: AuthMethod): Settings {
  const dropped: TrefoilSecrets = {};
  if (method !== 'basic') {
    dropped.basicAuthPassword = '';
  }
  if (method !== 'token') {
    dropped.bearerToken = '';
  }
  return {
    ...settings,
    basicAuth: method === 'basic',
    jsonData: { ...settings.jsonData, authMethod: method, oauthPassThru: method === 'forward' },
    secureJsonData: { ...settings.secureJsonData, ...dropped },
    secureJsonFields: {
      ...settings.secureJsonFields,
      ...Object.fromEntries(Object.keys(dropped).map((key) => [key, false])),
    },
  };
}

export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonFields, secureJsonData } = options;
  const set = (part: Partial<TrefoilOptions>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...part } });
  const setNumber = (key: 'timeout' | 'maxResponseMiB') => (e: React.FormEvent<HTMLInputElement>) =>
    set({ [key]: e.currentTarget.value === '' ? undefined : Number(e.currentTarget.value) });

  // What a secret's input needs: Grafana sends back only whether it is set.
  const secret = (key: keyof TrefoilSecrets) => ({
    isConfigured: Boolean(secureJsonFields?.[key]),
    value: secureJsonData?.[key] ?? '',
    onChange: (e: React.FormEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, [key]: e.currentTarget.value } }),
    onReset: () =>
      onOptionsChange({
        ...options,
        secureJsonFields: { ...secureJsonFields, [key]: false },
        secureJsonData: { ...secureJsonData, [key]: '' },
      }),
  });

  const method = authMethod(options);
  const errors = {
    url: checkUrl(options.url),
    tenant: checkTenant(jsonData.tenant),
    timeout: checkWholeNumber(jsonData.timeout, 600),
    maxResponseMiB: checkWholeNumber(jsonData.maxResponseMiB, 1024),
    timeInterval: checkDuration(jsonData.timeInterval),
  };

  return (
    <>
      <FieldSet label="Connection">
        <Field
          label="URL"
          description="Of Trefoil's HTTP API. Without one, http://127.0.0.1:8733."
          htmlFor="trefoil-url"
          invalid={Boolean(errors.url)}
          error={errors.url}
        >
          <Input
            id="trefoil-url"
            width={WIDTH}
            placeholder="http://127.0.0.1:8733"
            value={options.url}
            onChange={(e) => onOptionsChange({ ...options, url: e.currentTarget.value })}
          />
        </Field>
        <Field
          label="Tenant"
          description="Whose data to read. Without one, the tenant named default."
          htmlFor="trefoil-tenant"
          invalid={Boolean(errors.tenant)}
          error={errors.tenant}
        >
          <Input
            id="trefoil-tenant"
            width={WIDTH}
            placeholder="default"
            value={jsonData.tenant ?? ''}
            onChange={(e) => set({ tenant: e.currentTarget.value })}
          />
        </Field>
      </FieldSet>

      <FieldSet label="Authentication">
        <Field label="Method" htmlFor="trefoil-auth">
          <Combobox
            id="trefoil-auth"
            width={WIDTH}
            options={METHODS}
            value={method}
            onChange={(option) => onOptionsChange(withAuthMethod(options, option.value))}
          />
        </Field>
        {method === 'basic' && (
          <>
            <Field label="User" htmlFor="trefoil-user">
              <Input
                id="trefoil-user"
                width={WIDTH}
                value={options.basicAuthUser}
                onChange={(e) => onOptionsChange({ ...options, basicAuthUser: e.currentTarget.value })}
              />
            </Field>
            <Field label="Password" htmlFor="trefoil-password">
              <SecretInput id="trefoil-password" width={WIDTH} {...secret('basicAuthPassword')} />
            </Field>
          </>
        )}
        {method === 'token' && (
          <Field label="Token" htmlFor="trefoil-token">
            <SecretInput id="trefoil-token" width={WIDTH} {...secret('bearerToken')} />
          </Field>
        )}
      </FieldSet>

      <FieldSet label="TLS">
        <Field label="Trust another certificate authority" htmlFor="trefoil-tls-ca-on">
          <Switch
            id="trefoil-tls-ca-on"
            value={jsonData.tlsAuthWithCACert ?? false}
            onChange={(e) => set({ tlsAuthWithCACert: e.currentTarget.checked })}
          />
        </Field>
        {jsonData.tlsAuthWithCACert && (
          <Field label="CA certificate" htmlFor="trefoil-tls-ca">
            <SecretTextArea
              id="trefoil-tls-ca"
              cols={WIDTH}
              rows={5}
              placeholder="Begins with -----BEGIN CERTIFICATE-----"
              {...secret('tlsCACert')}
            />
          </Field>
        )}
        <Field label="Show a client certificate" htmlFor="trefoil-tls-client-on">
          <Switch
            id="trefoil-tls-client-on"
            value={jsonData.tlsAuth ?? false}
            onChange={(e) => set({ tlsAuth: e.currentTarget.checked })}
          />
        </Field>
        {jsonData.tlsAuth && (
          <>
            <Field label="Server name" description="Expected in the server's certificate" htmlFor="trefoil-tls-server">
              <Input
                id="trefoil-tls-server"
                width={WIDTH}
                value={jsonData.serverName ?? ''}
                onChange={(e) => set({ serverName: e.currentTarget.value })}
              />
            </Field>
            <Field label="Client certificate" htmlFor="trefoil-tls-cert">
              <SecretTextArea
                id="trefoil-tls-cert"
                cols={WIDTH}
                rows={5}
                placeholder="Begins with -----BEGIN CERTIFICATE-----"
                {...secret('tlsClientCert')}
              />
            </Field>
            <Field label="Client key" htmlFor="trefoil-tls-key">
              <SecretTextArea
                id="trefoil-tls-key"
                cols={WIDTH}
                rows={5}
                placeholder="Begins with -----BEGIN PRIVATE KEY-----"
                {...secret('tlsClientKey')}
              />
            </Field>
          </>
        )}
        <Field
          label="Skip verification"
          description="Anyone on the way could then read and change what is sent."
          htmlFor="trefoil-tls-skip"
        >
          <Switch
            id="trefoil-tls-skip"
            value={jsonData.tlsSkipVerify ?? false}
            onChange={(e) => set({ tlsSkipVerify: e.currentTarget.checked })}
          />
        </Field>
      </FieldSet>

      <FieldSet label="Queries">
        <Field
          label="Scrape interval"
          description="How often metrics are exported to Trefoil; $__rate_interval spans four."
          htmlFor="trefoil-interval"
          invalid={Boolean(errors.timeInterval)}
          error={errors.timeInterval}
        >
          <Input
            id="trefoil-interval"
            width={20}
            placeholder="60s"
            value={jsonData.timeInterval ?? ''}
            onChange={(e) => set({ timeInterval: e.currentTarget.value })}
          />
        </Field>
        <Field
          label="Timeout"
          description="Seconds to wait for a whole answer"
          htmlFor="trefoil-timeout"
          invalid={Boolean(errors.timeout)}
          error={errors.timeout}
        >
          <Input
            id="trefoil-timeout"
            type="number"
            width={20}
            placeholder="30"
            value={jsonData.timeout ?? ''}
            onChange={setNumber('timeout')}
          />
        </Field>
        <Field
          label="Response limit"
          description="MiB one answer may take"
          htmlFor="trefoil-limit"
          invalid={Boolean(errors.maxResponseMiB)}
          error={errors.maxResponseMiB}
        >
          <Input
            id="trefoil-limit"
            type="number"
            width={20}
            placeholder="64"
            value={jsonData.maxResponseMiB ?? ''}
            onChange={setNumber('maxResponseMiB')}
          />
        </Field>
      </FieldSet>
    </>
  );
}
