/** How a command ended, for scripts and service managers. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  noAgent: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The part of the help that explains {@link exitCodes}. */
export const exitCodesHelp = `
Exit codes:
  0    stopped as asked, and everything accepted was delivered or is kept; or the command did what it should
  1    the configuration has mistakes that leave nothing to run, or the command failed;
       or an agent stopped with events in a memory channel that could not be delivered in time, and they are lost
  2    the command line cannot be understood
  3    no agent answers (status, stop, reload)
  130  stopped at once by a second Ctrl-C (143: by a second SIGTERM, 129: by a second SIGHUP), which loses what is in a memory channel`;
