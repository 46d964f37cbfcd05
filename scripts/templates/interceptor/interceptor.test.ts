import type { Registration } from '@millrace/kernel/config/plan-types';
import { interceptorContract } from '@millrace/testkit';
import { exampleInterceptor } from './spec.ts';

const registration: Registration = { spec: exampleInterceptor, module: new URL('./interceptor.js', import.meta.url) };

interceptorContract(registration, [
  {
    given: [
      { headers: { from: 'here' }, body: 'one' },
      { headers: {}, body: '' },
    ],
    passed: [{ headers: { from: 'here', example: 'seen' }, body: 'one' }],
  },
  {
    settings: { header: 'mark', value: 'yes' },
    given: [{ headers: { mark: 'no' }, body: 'two' }],
    passed: [{ headers: { mark: 'yes' }, body: 'two' }],
  },
]);
