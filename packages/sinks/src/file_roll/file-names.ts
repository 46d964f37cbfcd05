import type { ConfigOf } from '@millrace/kernel/spec';
import type { fileRoll } from './spec.ts';

type Naming = Pick<ConfigOf<(typeof fileRoll)['properties']>, 'pathManager' | 'prefix' | 'extension'>;

/** A function that gives the name of the next file each time it is called. */
export function fileNames({ pathManager, prefix, extension }: Naming): () => string {
  const ending = extension === '' ? '' : `.${extension}`;
  let series = String(Date.now());
  let number = 0;
  return () => {
    const second = localSecond(new Date());
    if (pathManager === 'rolltime' && series !== second) [series, number] = [second, 0];
    number += 1;
    return `${prefix}${series}-${number}${ending}`;
  };
}

/** `20261121153234`, in local time. */
function localSecond(at: Date): string {
  const parts = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  return `${at.getFullYear()}${parts.map((part) => String(part).padStart(2, '0')).join('')}`;
}
