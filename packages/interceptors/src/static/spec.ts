import { defineInterceptor, property } from '@millrace/kernel/spec';
import { flag, text } from '@millrace/kernel/types';

export const staticHeader = defineInterceptor({
  type: 'static',
  classNames: ['org.apache.flume.interceptor.StaticInterceptor$Builder'],
  summary: 'Gives every event a header that is always the same.',
  stability: 'stable',
  properties: {
    name: property('key', text.default('key'), 'Name of the header.'),
    value: property('value', text.default('value'), 'Value of the header.'),
    preserve: property('preserveExisting', flag.default(true), 'Whether an event that has the header keeps its own.'),
  },
  metrics: {},
});
