import { defineInterceptor, property } from '@millrace/kernel/spec';
import { flag, text } from '@millrace/kernel/types';

export const timestamp = defineInterceptor({
  type: 'timestamp',
  classNames: ['org.apache.flume.interceptor.TimestampInterceptor$Builder'],
  summary: 'Gives every event a header with the time, in milliseconds since 1970.',
  stability: 'stable',
  properties: {
    header: property('headerName', text.default('timestamp'), 'Name of the header.'),
    preserve: property('preserveExisting', flag.default(false), 'Whether an event that has the header keeps its own.'),
  },
  metrics: {},
});
