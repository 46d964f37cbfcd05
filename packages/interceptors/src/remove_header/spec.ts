import { defineInterceptor, property } from '@millrace/kernel/spec';
import { pattern, text } from '@millrace/kernel/types';

export const removeHeader = defineInterceptor({
  type: 'remove_header',
  classNames: ['org.apache.flume.interceptor.RemoveHeaderInterceptor$Builder'],
  summary: 'Removes headers from every event: one, some, or those whose names match.',
  stability: 'stable',
  properties: {
    name: property('withName', text.optional(), 'Name of a header to remove.'),
    list: property('fromList', text.optional(), 'Names of headers to remove.'),
    separator: property(
      'fromListSeparator',
      pattern.default('\\s*,\\s*'),
      'What stands between the names in `fromList`: a regular expression of Java.',
    ),
    matching: property(
      'matching',
      pattern.optional(),
      'Headers are removed whose whole name matches this regular expression of Java.',
    ),
  },
  metrics: {},
  advise: ({ name, list, matching }) =>
    (name ?? list ?? matching) === undefined
      ? ['it says of no header that it is to be removed: set withName, fromList or matching']
      : [],
});
