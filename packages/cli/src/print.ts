const ignore = () => {};

/** Writes to standard output all that there is to say, before the process ends. A reader that has seen enough, as head does, is no failure. */
export async function print(text: string): Promise<void> {
  const { stdout } = process;
  if (!stdout.listeners('error').includes(ignore)) stdout.on('error', ignore);
  await new Promise<void>((resolve, reject) => {
    stdout.write(text, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}

/** Text without what could steer a terminal, or break an XML document: configurations have it in names, and agents in the words of their peers. */
export function printable(text: string): string {
  return text.replace(/[[\p{Cc}\p{Noncharacter_Code_Point}]--[\n\t]]/gv, '�');
}
