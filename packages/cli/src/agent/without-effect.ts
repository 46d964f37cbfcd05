import type { AgentRequest } from '../commands/agent.ts';

/** One sentence for each flag that was given and changes nothing, so that nobody counts on it. */
export function flagsWithoutEffect(request: AgentRequest): string[] {
  const sentences: readonly (readonly [given: unknown, sentence: string])[] = [
    [request.machineFlags[0], `${request.machineFlags.join(' ')} is for a Java virtual machine; there is none.`],
    [request.classpath, '--classpath is ignored: Java classes cannot run here.'],
    [request.pluginsPath, '--plugins-path is ignored: Java plugins cannot run here.'],
    [
      request.confProvider,
      '--conf-provider is ignored: Java classes cannot run here; the configuration is read from files.',
    ],
    [request.authProvider, '--auth-provider is ignored: configurations are read from files only.'],
    [request.confUser, '--conf-user is ignored: configurations are read from files only.'],
    [request.confPassword, '--conf-password is ignored: configurations are read from files only.'],
    [request.backupDirectory, '--backup-directory is ignored: no copy of the configuration is kept.'],
    [request.zkConnString, '--zkConnString is ignored: configurations are not read from ZooKeeper yet.'],
    [request.zkBasePath, '--zkBasePath is ignored: configurations are not read from ZooKeeper yet.'],
  ];
  return sentences.filter(([given]) => given !== undefined).map(([, sentence]) => sentence);
}
