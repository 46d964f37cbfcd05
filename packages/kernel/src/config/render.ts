import { type Diagnostic, isSecret } from './diagnostic.ts';

/**
 * Writes diagnostics for people: place and message, the line of the file with a caret under what is meant, and what to do. `texts`
 * are the bytes of the files; where one is missing its line is left out.
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  texts: ReadonlyMap<string, Uint8Array> = new Map(),
): string {
  return renderEach(diagnostics, texts).join('\n');
}

/** The same, one by one. */
export function renderEach(
  diagnostics: readonly Diagnostic[],
  texts: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  const lines = new Map<string, readonly string[]>();
  for (const [file, bytes] of texts)
    lines.set(
      file,
      Buffer.from(bytes)
        .toString('latin1')
        .split(/\r\n|\r|\n/),
    );
  return diagnostics.map((diagnostic) => render(diagnostic, lines.get(diagnostic.place.file)));
}

function render(diagnostic: Diagnostic, lines: readonly string[] | undefined): string {
  const { severity, place, message, suggestion } = diagnostic;
  const rendered = [`${place.file}:${place.line}:${place.column}: ${severity}: ${message}`];
  const line = aboutTheFile(diagnostic) ? undefined : lines?.[place.line - 1];
  if (line !== undefined) rendered.push(...excerpt(line, diagnostic));
  if (suggestion !== undefined) rendered.push(`  → ${suggestion}`);
  return rendered.map((text) => text.replace(controls, '\u00b7')).join('\n');
}

/** Diagnostics as plain objects, for programs. */
export function diagnosticObjects(diagnostics: readonly Diagnostic[]): readonly object[] {
  return diagnostics.map(({ severity, code, place, subject, message, suggestion }) => ({
    severity,
    code,
    ...place,
    subject,
    message,
    ...(suggestion !== undefined && { suggestion }),
  }));
}

/** The longest part of a line that is shown. */
const EXCERPT_MAX = 160;

function excerpt(line: string, { place, subject }: Diagnostic): string[] {
  const start = place.line === 1 && line.startsWith('\xef\xbb\xbf') ? 3 : 0;
  const shown = withoutSecrets(line.slice(start), subject);
  const column = place.column - 1;
  const from = column > EXCERPT_MAX / 2 && shown.length > EXCERPT_MAX ? column - EXCERPT_MAX / 2 : 0;
  const window = shown.slice(from, from + EXCERPT_MAX);
  // Blanks under everything but tabs, so that the caret stands right whatever a tab is worth.
  const margin = printable(window.slice(0, column - from)).replace(/[^\t]/gu, ' ');
  return [`    ${printable(window)}`, `    ${margin}^`];
}

/** What a terminal might obey. */
const controls = /[^\t\P{Cc}]/gu;

/** People save these files as UTF-8; what they see in the message should be what they wrote. */
function printable(latin1: string): string {
  const utf8 = Buffer.from(latin1, 'latin1').toString('utf8');
  return (utf8.includes('\ufffd') ? latin1 : utf8).replace(controls, '\u00b7');
}

/** Diagnostics go to logs, and what a secret is set to must not. */
function withoutSecrets(line: string, subject: string): string {
  const [start, key] = /^\s*([^=:\s]*\.[^=:\s]*)\s*[=:\s]\s*/.exec(line) ?? ['', subject];
  return isSecret(key!) ? `${start}******` : line;
}

const aboutTheFile = ({ subject, place }: Diagnostic) => subject === place.file;
