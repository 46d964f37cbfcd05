import { type Property, property } from '@millrace/kernel/spec';
import { oneOf } from '@millrace/kernel/types';
import { avroEvent } from './avro_event/spec.ts';
import { headerAndText } from './header_and_text/spec.ts';
import { text } from './text/spec.ts';

const aliases = oneOf({
  text: text.classNames,
  header_and_text: headerAndText.classNames,
  avro_event: avroEvent.classNames,
});

const specs = [text, headerAndText, avroEvent];
const properties = { ...text.properties, ...headerAndText.properties, ...avroEvent.properties };

/** The properties of a sink that writes files: the one that names the serializer and, behind that name and a dot, those of every serializer. */
export function serializerProperties(name: string) {
  const behindName = Object.entries<Property>(properties).map(([key, own]) => {
    const owners = specs.filter((spec) => key in spec.properties).map(({ type }) => `\`${type}\``);
    return [key, { ...own, name: `${name}.${own.name}`, doc: `For ${owners.join(' and ')}. ${own.doc}` }];
  });
  return {
    serializer: property(name, aliases.default('text'), 'How events become the bytes of a file.'),
    ...(Object.fromEntries(behindName) as typeof properties),
  };
}
