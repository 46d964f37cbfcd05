import type { Registration } from '@millrace/kernel/config/plan-types';
import { interceptorContract } from '@millrace/testkit';
import { staticHeader } from './spec.ts';

const registration: Registration = { spec: staticHeader, module: new URL('./interceptor.js', import.meta.url) };

const given = [
  { headers: {}, body: 'one' },
  { headers: { datacenter: 'Oslo', key: 'mine' }, body: 'two' },
];

interceptorContract(registration, [
  {
    given,
    passed: [
      { headers: { key: 'value' }, body: 'one' },
      { headers: { datacenter: 'Oslo', key: 'mine' }, body: 'two' },
    ],
  },
  {
    settings: { key: 'datacenter', value: 'New York ✓', preserveExisting: false },
    given,
    passed: [
      { headers: { datacenter: 'New York ✓' }, body: 'one' },
      { headers: { datacenter: 'New York ✓', key: 'mine' }, body: 'two' },
    ],
  },
]);
