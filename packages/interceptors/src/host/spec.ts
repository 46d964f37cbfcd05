import { defineInterceptor, property } from '@millrace/kernel/spec';
import { flag, text } from '@millrace/kernel/types';

export const host = defineInterceptor({
  type: 'host',
  classNames: ['org.apache.flume.interceptor.HostInterceptor$Builder'],
  summary:
    'Gives every event a header with the address or the name of the host this runs on, as it is when the source starts.',
  stability: 'stable',
  properties: {
    header: property('hostHeader', text.default('host'), 'Name of the header.'),
    useAddress: property('useIP', flag.default(true), 'Whether it is the address; else the full name.'),
    preserve: property('preserveExisting', flag.default(false), 'Whether an event that has the header keeps its own.'),
  },
  metrics: {},
});
