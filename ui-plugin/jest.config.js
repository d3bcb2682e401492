// force timezone to UTC to allow tests to work regardless of local timezone
// generally used by snapshots, but can affect specific tests
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');

// Some of Grafana's dependencies ship as .mjs, which the scaffolded pattern passes by.
const [transformer] = Object.values(base.transform);

module.exports = {
  ...base,
  testTimeout: 60000,
  transform: { '^.+\\.(m|c)?(t|j)sx?$': transformer },
};
