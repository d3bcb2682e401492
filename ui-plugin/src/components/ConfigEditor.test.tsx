import { DataSourceSettings } from '@grafana/data';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React, { useState } from 'react';

import { TrefoilOptions, TrefoilSecrets } from '../types';
import { authMethod, ConfigEditor, withAuthMethod } from './ConfigEditor';

type Settings = DataSourceSettings<TrefoilOptions, TrefoilSecrets>;

const stored = (part: Partial<Settings> = {}) =>
  ({
    id: 1,
    uid: 'trefoil-uid',
    name: 'Trefoil',
    type: 'trefoil-datasource',
    url: '',
    basicAuth: false,
    basicAuthUser: '',
    jsonData: {},
    secureJsonFields: {},
    ...part,
  }) as Settings;

function setup(part?: Partial<Settings>) {
  let current = stored(part);
  function Host() {
    const [options, setOptions] = useState(current);
    return (
      <ConfigEditor
        options={options}
        onOptionsChange={(next) => {
          current = next;
          setOptions(next);
        }}
      />
    );
  }
  render(<Host />);
  return { user: userEvent.setup(), now: () => current };
}

describe('connection', () => {
  it('takes a URL and a tenant', async () => {
    const { user, now } = setup();
    await user.type(screen.getByLabelText(/^URL/), 'https://trefoil.example');
    await user.type(screen.getByLabelText(/^Tenant/), 'shop');
    expect(now()).toMatchObject({ url: 'https://trefoil.example', jsonData: { tenant: 'shop' } });
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  });

  it('says what is wrong under the field', async () => {
    const { user } = setup();
    await user.type(screen.getByLabelText(/^URL/), 'http://127.0.0.1:4318');
    expect(screen.getByRole('alert')).toHaveTextContent('This port takes telemetry in');
    await user.clear(screen.getByLabelText(/^URL/));
    await user.type(screen.getByLabelText(/^Tenant/), 'my shop');
    expect(screen.getByRole('alert')).toHaveTextContent('letters, digits');
  });

  it('takes limits as numbers and leaves them out when emptied', async () => {
    const { user, now } = setup();
    await user.type(screen.getByLabelText(/^Timeout/), '45');
    expect(now().jsonData.timeout).toBe(45);
    await user.type(screen.getByLabelText(/^Response limit/), '9999');
    expect(screen.getByRole('alert')).toHaveTextContent('between 1 and 1024');
    await user.clear(screen.getByLabelText(/^Response limit/));
    expect(now().jsonData.maxResponseMiB).toBeUndefined();
  });
});

describe('authentication', () => {
  it('asks for what the method needs and keeps one method', async () => {
    const { user, now } = setup({
      basicAuth: true,
      basicAuthUser: 'ann',
      secureJsonFields: { basicAuthPassword: true },
    });
    expect(screen.getByLabelText('User')).toHaveValue('ann');
    await user.click(screen.getByLabelText('Method'));
    await user.click(await screen.findByRole('option', { name: 'Bearer token' }));
    expect(screen.queryByLabelText('User')).not.toBeInTheDocument();
    await user.type(screen.getByLabelText('Token'), 'secret');
    expect(now()).toMatchObject({
      basicAuth: false,
      jsonData: { authMethod: 'token', oauthPassThru: false },
      secureJsonData: { bearerToken: 'secret', basicAuthPassword: '' },
      secureJsonFields: { basicAuthPassword: false },
    });
  });

  it('resets a stored secret', async () => {
    const { user, now } = setup({ secureJsonFields: { bearerToken: true } });
    expect(screen.getByLabelText('Token')).toBeDisabled();
    await user.click(screen.getByRole('button', { name: /reset/i }));
    expect(now()).toMatchObject({ secureJsonFields: { bearerToken: false }, secureJsonData: { bearerToken: '' } });
  });

  it.each([
    ['none', stored()],
    ['basic', stored({ basicAuth: true, jsonData: { authMethod: 'token' } })],
    ['forward', stored({ jsonData: { oauthPassThru: true } })],
    ['token', stored({ jsonData: { authMethod: 'token' } })],
    ['token', stored({ secureJsonFields: { bearerToken: true } })],
  ] as const)('reads %s from stored settings', (method, settings) => {
    expect(authMethod(settings)).toBe(method);
  });

  it.each(['none', 'basic', 'token', 'forward'] as const)('reads %s back after choosing it', (method) => {
    const before = stored({ basicAuth: true, secureJsonFields: { basicAuthPassword: true, bearerToken: true } });
    expect(authMethod(withAuthMethod(before, method))).toBe(method);
  });
});

describe('TLS', () => {
  it('asks for certificates only when they are used', async () => {
    const { user, now } = setup();
    expect(screen.queryByLabelText('CA certificate')).not.toBeInTheDocument();
    await user.click(screen.getByLabelText('Trust another certificate authority'));
    await user.type(screen.getByLabelText('CA certificate'), 'pem');
    await user.click(screen.getByLabelText('Show a client certificate'));
    await user.type(screen.getByLabelText(/^Server name/), 'trefoil');
    await user.type(screen.getByLabelText('Client certificate'), 'cert');
    await user.type(screen.getByLabelText('Client key'), 'key');
    expect(now()).toMatchObject({
      jsonData: { tlsAuthWithCACert: true, tlsAuth: true, serverName: 'trefoil' },
      secureJsonData: { tlsCACert: 'pem', tlsClientCert: 'cert', tlsClientKey: 'key' },
    });
  });
});
