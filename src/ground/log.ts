// The log for people, beside the audit log: one JSON line per event on stderr, or a readable line on a terminal.
// Invariant: a field that is not on the list below is dropped, so that no object with a secret in it is ever written.
import {
  type Bindings,
  type DestinationStream,
  destination,
  type LogFn,
  type Logger,
  type LoggerOptions,
  pino,
} from 'pino'
import { escapeControls } from './escape-controls.ts'
import type { LogLevel } from './log-level.ts'

export type Log = Logger

/** Every field a log line may carry. Values are strings, numbers and booleans; `err` is reduced to name, code and stack. */
export const logFields: ReadonlySet<string> = new Set(
  [
    [
      'rid',
      'room',
      'code',
      'status',
      'reason',
      'err',
      'errno',
      'signal',
      'exit',
      'exitCode',
      'ms',
      'count',
      'bytes',
      'size',
    ],
    ['agent', 'token', 'operator', 'service', 'credential', 'grant', 'action', 'method', 'origin', 'path', 'check'],
    ['url', 'host', 'port', 'home', 'file', 'socket', 'version', 'node', 'pid', 'epoch', 'seq', 'segment', 'state'],
    ['type', 'id', 'name', 'kind', 'limit', 'inFlight', 'queued', 'lagMs', 'rssMb', 'openFiles', 'from', 'to', 'slot'],
  ].flat(),
)

const MAX_TEXT = 2_000

/**
 * The log. `pretty` gives the form for a terminal. Lines are written at once, in order: a crash loses none.
 * Child loggers (`log.child({ rid })`) pass the same list.
 */
export function createLog(level: LogLevel, pretty = process.stderr.isTTY === true, out?: DestinationStream): Log {
  const sink = out ?? destination({ fd: 2, sync: true })
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }), log: allowed },
    hooks: { logMethod: withoutErrorText },
  }
  const log = pino(options, pretty ? { write: (line) => sink.write(readable(line)) } : sink)
  // pino applies its formatter for bindings to the first logger only. Children inherit this method from the first.
  const child = log.child
  log.child = function (this: Logger, bindings: Bindings, ...more: unknown[]) {
    return Reflect.apply(child, this, [allowed(bindings), ...more])
  } as typeof log.child
  return log
}

/** pino takes an error's message as the line's message when none is given. Libraries quote their input there: not ours. */
function withoutErrorText(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, message, ...rest] = args as unknown as [unknown, string | undefined, ...unknown[]]
  const fields = first instanceof Error ? { err: first } : first
  if (typeof fields === 'string') method.apply(this, args)
  else method.apply(this, [fields, message ?? '', ...rest] as unknown as Parameters<LogFn>)
}

function allowed(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (!logFields.has(name)) continue
    if (name === 'err') kept[name] = plainError(value)
    else if (typeof value === 'string') kept[name] = value.slice(0, MAX_TEXT)
    else if (typeof value === 'number' || typeof value === 'boolean') kept[name] = value
  }
  return kept
}

/** Name, code and stack frames. The message is left out for what is not a Problem: libraries quote their input in it. */
function plainError(error: unknown): Record<string, string> | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.name === 'Problem' ? { message: error.message } : {}),
    stack: frames.slice(0, 20).join('\n'),
  }
}

function readable(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const [error, ...frames] = errorLines(err as Record<string, string> | undefined)
  const head = [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), String(msg ?? ''), ...rest]
  if (error !== undefined) head.push(error)
  return `${[head.join(' '), ...frames].map(escapeControls).join('\n')}\n`
}

/** A Problem is known by its code and message; of a bug the frames are what helps. */
function errorLines(err: Record<string, string> | undefined): string[] {
  if (err === undefined) return []
  const { name, code, message, stack = '' } = err
  const error = `err=${[code ?? name, message].filter((part) => part !== undefined).join(': ')}`
  return name === 'Problem' || stack === '' ? [error] : [error, ...stack.split('\n')]
}
