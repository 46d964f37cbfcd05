import { writeFile } from 'node:fs/promises';
import type { Plan } from '@millrace/kernel/config/plan-types';
import { renderDiagnostics } from '@millrace/kernel/config/render';
import { type ConfigurationOptions, readConfiguration } from '../configuration.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, printable } from '../print.ts';
import { type Flow, flowsOf } from './flows.ts';
import { layOut } from './layout.ts';
import { promisesOf } from './promises.ts';
import { drawSvg } from './svg.ts';
import { drawText, listText, wrapped } from './text.ts';

/** What is to be explained. */
export interface ExplainOptions extends ConfigurationOptions {
  readonly svg?: string;
}

/** What a terminal has. */
const COLUMNS = 80;

/** Shows what the agents of a configuration are made of, and says what each flow promises. */
export async function explain(
  { svg, ...options }: ExplainOptions,
  systemProperties: ReadonlyMap<string, string>,
): Promise<ExitCode> {
  const { plans: agents, diagnostics, texts } = await readConfiguration(options, systemProperties);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) process.stderr.write(`${renderDiagnostics(errors, texts)}\n\n`);

  const plans = [...agents.values()];
  if (plans.length === 0) {
    process.stderr.write('There is nothing to explain: nothing of it would run.\n');
    return exitCodes.failed;
  }
  if (errors.length > 0) process.stderr.write('This is what would run all the same:\n');
  await print(printable(plans.map(agentText).join('\n')));
  if (svg === undefined) return exitCodes.done;

  const [plan, ...others] = plans as [Plan, ...Plan[]];
  if (others.length > 0) {
    process.stderr.write(`One picture is of one agent, and here are ${plans.length}: choose one with -n.\n`);
    return exitCodes.failed;
  }
  await writeFile(svg, agentSvg(plan));
  return exitCodes.done;
}

/** An agent in characters, and in words. */
export function agentText(plan: Plan): string {
  return [`Agent ${plan.agent}\n`, ...flowsOf(plan).map(flowText)].join('\n');
}

function flowText(flow: Flow): string {
  const layout = layOut(flow, COLUMNS);
  const told = promisesOf(flow).map(({ title, sentences }) => {
    return `${title}\n${sentences.map(item).join('')}`;
  });
  return [layout === undefined ? listText(flow) : drawText(layout), ...told].join('\n');
}

/** A sentence with a mark before it. */
function item(sentence: string): string {
  const lines = wrapped(sentence, COLUMNS - 4);
  return lines.map((line, at) => `${at === 0 ? '  · ' : '    '}${line}\n`).join('');
}

/** An agent as a picture. */
export function agentSvg(plan: Plan): string {
  const pictures = flowsOf(plan).map((flow) => {
    return { layout: layOut(flow, Number.POSITIVE_INFINITY)!, promises: promisesOf(flow) };
  });
  return drawSvg(plan.agent, pictures);
}
