import type { Command } from 'commander'
import { type Answer, problemIn } from './client.ts'
import { type ExitCode, exitCode } from './exit-codes.ts'
import { cliProblem } from './problems.ts'
import { readSmallFile } from './secret-source.ts'
import { safeJson, safeText, say, type Terminal, write } from './terminal.ts'
import { agentToken } from './tokens.ts'
import { pair, query } from './values.ts'
import { addVerb, type Options, type Session } from './verb.ts'

/** `claviger call <service> <method> <path>`: what an agent does, from a shell. */
export function callCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'call <service> [method] [path]',
    summary: 'call a service as an agent (CLAVIGER_TOKEN); the answer streams to stdout',
    options: [
      { flags: '--action <name>', about: 'an action of the service, instead of method and path' },
      { flags: '--param <name=value>', about: 'a parameter of the action, as text; may be repeated', many: true },
      { flags: '--params <json>', about: 'parameters of the action as a JSON object' },
      { flags: '--query <name=value>', about: 'a query parameter; may be repeated', many: true },
      { flags: '--header <name:value>', about: 'a request header; may be repeated', many: true },
      { flags: '--body <text>', about: 'the request body' },
      { flags: '--body-file <file>', about: 'the request body, from a file of at most 64 KiB; - is stdin' },
      { flags: '--include', about: 'print status and headers before the body' },
      { flags: '--fail', about: 'end with 1 when the upstream answers 400 or more' },
    ],
    examples: [
      'claviger call github GET /user',
      'claviger call github --action contents.get --param owner=octo --param repo=hello --param path=src/a.ts',
      `claviger call openai POST /v1/responses --header 'content-type: application/json' --body-file question.json`,
    ],
    async run({ args, options, agent, terminal }) {
      const body = { service: args[0], ...what(args, options), ...extras(options) }
      const answer = await agent().send({ method: 'POST', path: '/claviger/v1/call', body })
      await refuseProblem(answer, agentToken(terminal) !== undefined)
      if (options.json === true) await printJson(answer, terminal)
      else await stream(answer, terminal, options.include === true)
      if (answer.statusCode >= 400) say(terminal, `claviger: the upstream answered ${answer.statusCode}`)
      const failed: ExitCode = options.fail === true && answer.statusCode >= 400 ? exitCode.refused : exitCode.ok
      return failed
    },
  })
}

/** Method and path, or an action with its parameters. */
function what([, method, path]: readonly (string | undefined)[], { action, param, params }: Options): object {
  if (action === undefined) {
    if (method === undefined || path === undefined || param !== undefined || params !== undefined) {
      throw cliProblem('usage', { detail: 'METHOD and PATH are wanted, or --action NAME with --param NAME=VALUE.' })
    }
    return { method: method.toUpperCase(), path }
  }
  if (method !== undefined) throw cliProblem('usage', { detail: '--action stands in the place of METHOD and PATH.' })
  const texts = Object.fromEntries((param ?? []).map((text: string) => pair(text, '--param')))
  return { action, params: { ...(params !== undefined && jsonObject(params)), ...texts } }
}

function jsonObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw cliProblem('usage', { detail: '--params: a JSON object is wanted.' })
}

function extras(options: Options): object {
  if (options.body !== undefined && options.bodyFile !== undefined) {
    throw cliProblem('usage', { detail: '--body and --body-file exclude each other.' })
  }
  const asked = query(options.query ?? [], '--query')
  const headers = Object.fromEntries((options.header ?? []).map((text: string) => pair(text, '--header', ':')))
  const file = options.bodyFile === '-' ? '/dev/stdin' : options.bodyFile
  return {
    ...(asked !== undefined && { query: asked }),
    ...(options.header !== undefined && { headers }),
    ...(options.body !== undefined && { body: options.body }),
    ...(file !== undefined && { bodyBase64: readSmallFile(file, 'file_unreadable').toString('base64') }),
  }
}

/** What the gateway itself says carries Proxy-Status with an error (RFC 9209); everything else is the upstream's. */
async function refuseProblem(answer: Answer, hadToken: boolean): Promise<void> {
  const type = String(answer.headers['content-type'] ?? '')
  const byGateway = /(^|,)\s*claviger\b[^,]*;\s*error=/.test(String(answer.headers['proxy-status'] ?? ''))
  if (answer.statusCode < 400 || !byGateway || !type.startsWith('application/problem+json')) return
  const text = await answer.body.text()
  throw answer.statusCode === 401 && !hadToken ? cliProblem('agent_token_missing') : problemIn(text, answer.statusCode)
}

async function stream(answer: Answer, terminal: Terminal, include: boolean): Promise<void> {
  const { stdout } = terminal
  if (include) {
    const lines = Object.entries(answer.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}: ${one}`),
    )
    await write(stdout, `${safeText([`HTTP ${answer.statusCode}`, ...lines].join('\n'))}\n\n`)
  }
  const decoder = new TextDecoder()
  for await (const chunk of answer.body) {
    // A terminal obeys control characters; a file or a pipe gets every byte as it came.
    await write(stdout, stdout.isTTY ? safeText(decoder.decode(chunk, { stream: true })) : chunk)
  }
  if (stdout.isTTY) await write(stdout, '\n')
}

async function printJson(answer: Answer, terminal: Terminal): Promise<void> {
  const bytes = Buffer.from(await answer.body.arrayBuffer())
  const text = bytes.toString('utf8')
  const whole = Buffer.from(text, 'utf8').equals(bytes)
  const body = whole ? { body: text } : { bodyBase64: bytes.toString('base64') }
  await write(terminal.stdout, `${safeJson({ status: answer.statusCode, headers: answer.headers, ...body })}\n`)
}
