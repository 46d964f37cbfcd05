import { defineInterceptor, property } from '@millrace/kernel/spec';
import { text } from '@millrace/kernel/types';

export const exampleInterceptor = defineInterceptor({
  type: 'example',
  classNames: [],
  summary: 'Drops events with an empty body, and marks the others.',
  stability: 'experimental',
  properties: {
    header: property('header', text.default('example'), 'Name of the header that is set.'),
    value: property('value', text.default('seen'), 'Its value.'),
  },
  metrics: {},
});
