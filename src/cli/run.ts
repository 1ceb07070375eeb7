import { createLog, type ControlLog } from '../observe/log.ts';
import { parseArgs, UsageError, type FlagReader, type Invocation } from './args.ts';
import { refuseNode } from './node-version.ts';
import { versionOf } from './version.ts';

/** Runs one command line to its end and gives the exit code: 0, 1 for a failure, 2 for a command line that cannot be run. */
export async function run(argv: readonly string[], entry: URL): Promise<number> {
  let invocation: Invocation;
  try {
    invocation = parseArgs(argv, versionOf(entry));
  } catch (error) {
    return failUsage(error);
  }
  const refusal = refuseNode(process.version);
  if (refusal !== undefined) return failUsage(new UsageError(refusal, 1));
  const { command, flags, unused } = invocation;
  let log: ControlLog;
  try {
    log = logOf(flags);
  } catch (error) {
    return failUsage(error);
  }
  if (command !== 'check' && command !== 'rbac')
    log.info({ version: versionOf(entry), node: process.version, command }, 'Serin starts');
  for (const text of unused) log.warn(text);
  try {
    if (command === 'serve') {
      const { serve } = await import('./serve.ts');
      return await serve(invocation, log, entry);
    }
    if (command === 'check') {
      const { check } = await import('./check.ts');
      return await check(invocation, entry);
    }
    if (command === 'rbac') {
      const { renderRoles } = await import('./rbac.ts');
      process.stdout.write(renderRoles(flags));
      return 0;
    }
    if (command === 'certgen') {
      const { certgen } = await import('./certgen.ts');
      return await certgen(invocation, log, entry);
    }
    const { controller } = await import('./controller.ts');
    return await controller(invocation, log, entry);
  } catch (error) {
    if (error instanceof UsageError) return failUsage(error);
    log.error({ error }, 'Serin cannot run');
    return 1;
  }
}

function failUsage(error: unknown): number {
  if (!(error instanceof UsageError)) throw error;
  (error.exitCode === 0 ? process.stdout : process.stderr).write(`${error.message}\n`);
  return error.exitCode;
}

function logOf(flags: FlagReader): ControlLog {
  const format = flags.string('log-format');
  if (format !== 'text' && format !== 'json') {
    throw new UsageError(`--log-format: "${format}" is neither text nor json`, 2);
  }
  return createLog({ level: flags.number('v') >= 3 ? 'debug' : 'info', format });
}
