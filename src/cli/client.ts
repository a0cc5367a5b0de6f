// The command line's connections to a gateway: the operators' socket, and the agents' listener for what an agent does.
// Invariant: a token goes only to a socket that this user owns, in a folder that nobody else can write.
import { lstatSync } from 'node:fs'
import type { Client, Dispatcher } from 'undici'
import { Problem, type ProblemFacts } from '../ground/problem.ts'
import { operatorSocket, type Settings } from '../settings.ts'
import { cliProblem } from './problems.ts'

const PATIENCE_MS = 120_000

/** An answer as it came. `body` must be read to its end or destroyed. */
export type Answer = Dispatcher.ResponseData

export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below /claviger/v1, with its query. */
  readonly path: string
  readonly body?: unknown
}

/** undici takes a third of the time that a command takes: it is loaded when there is something to send. */
type Connect = () => Promise<Client>

/** One gateway, reached one way, on behalf of one token (none: only what anyone may ask). */
export class GatewayClient {
  readonly #connect: Connect
  #client: Client | undefined
  readonly #token: string | undefined
  readonly #missing: () => Problem
  readonly #place: string

  /** `missing` is the problem when the gateway wants a token and we have none; `place` is where it should answer. */
  constructor(connect: Connect, token: string | undefined, missing: () => Problem, place: string) {
    this.#connect = connect
    this.#token = token
    this.#missing = missing
    this.#place = place
  }

  /** Asks and gives the JSON of a good answer; throws the gateway's Problem, or `gateway_not_running`. */
  // biome-ignore lint/suspicious/noExplicitAny: the shapes belong to the rooms; the command line only shows them
  async ask(asked: Asked): Promise<any> {
    const answer = await this.send({ ...asked, path: `/claviger/v1${asked.path}` })
    const text = await answer.body.text()
    if (answer.statusCode === 401 && this.#token === undefined) throw this.#missing()
    if (answer.statusCode >= 400) throw problemIn(text, answer.statusCode)
    return text === '' ? {} : parse(text)
  }

  /** Sends and gives the answer itself, whatever its status. */
  async send({ method, path, body }: Asked): Promise<Answer> {
    const json = body === undefined ? undefined : JSON.stringify(body)
    try {
      this.#client ??= await this.#connect()
      return await this.#client.request({
        method,
        path: path as `/${string}`,
        headers: {
          accept: 'application/json',
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        },
        body: json ?? null,
      })
    } catch (error) {
      throw connectionProblem(error, this.#place)
    }
  }

  async close(): Promise<void> {
    await this.#client?.destroy()
  }
}

/** The operators' socket of this home. Throws `gateway_not_running`, or `socket_unsafe` when it is not ours (K-05). */
export function operatorClient(settings: Settings, token: string | undefined): GatewayClient {
  const path = operatorSocket(settings)
  refuseForeign(settings.home, path)
  const options = {
    connect: { socketPath: path, timeout: 5_000 },
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  }
  const connect = async () => new (await import('undici')).Client('http://localhost', options)
  return new GatewayClient(connect, token, () => cliProblem('operator_token_missing'), path)
}

/** The listener that agents use. `url` is the gateway's origin; `socketPath`: a socket in its place. */
export function agentClient(url: string, token: string | undefined, socketPath?: string): GatewayClient {
  const connecting = socketPath === undefined ? {} : { connect: { socketPath } }
  const patience = { connectTimeout: 5_000, headersTimeout: 0, bodyTimeout: 0, ...connecting }
  const origin = socketPath === undefined ? originOf(url) : 'http://localhost'
  const connect = async () => new (await import('undici')).Client(origin, patience)
  return new GatewayClient(connect, token, () => cliProblem('agent_token_missing'), origin)
}

function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed !== undefined && /^https?:$/.test(parsed.protocol)) return parsed.origin
  throw cliProblem('usage', { detail: 'CLAVIGER_URL: an http or https address is wanted.' })
}

function refuseForeign(home: string, socket: string): void {
  const owner = process.getuid?.()
  if (owner === undefined) return
  const folder = statOf(home)
  const file = statOf(socket)
  if (folder === undefined || file === undefined)
    throw cliProblem('gateway_not_running', { detail: `No socket at ${socket}.` })
  const wrong = [
    folder.isDirectory() ? undefined : `${home} is not a folder`,
    folder.uid === owner ? undefined : `${home} belongs to user ${folder.uid}, and this is user ${owner}`,
    (folder.mode & 0o022) === 0 ? undefined : `others may write to ${home}`,
    file.isSocket() ? undefined : `${socket} is not a socket`,
    file.uid === owner ? undefined : `${socket} belongs to user ${file.uid}, and this is user ${owner}`,
  ].find((text) => text !== undefined)
  if (wrong !== undefined) throw cliProblem('socket_unsafe', { detail: `${wrong}.` })
}

function statOf(path: string) {
  try {
    return lstatSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw cliProblem('socket_unsafe', { detail: `${path} cannot be looked at (${code}).`, cause: error })
  }
}

const CLOSED = ['ECONNREFUSED', 'ENOENT', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH']
const NAMELESS = ['ENOTFOUND', 'EAI_AGAIN']
const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/

/** What `error` of undici or of fetch says of a gateway that should answer at `place`. */
export function connectionProblem(error: unknown, place: string): unknown {
  const { code } = error as { code?: string }
  if (CLOSED.includes(code ?? ''))
    return cliProblem('gateway_not_running', { detail: `Nothing answers at ${place}.`, cause: error })
  if (NAMELESS.includes(code ?? ''))
    return cliProblem('gateway_not_running', { detail: `No address is found for the name in ${place}.`, cause: error })
  if (UNTRUSTED.test(code ?? ''))
    return cliProblem('gateway_certificate_refused', { detail: `${place} (${code})`, cause: error })
  if (code === 'EACCES')
    return cliProblem('socket_unsafe', { detail: 'The socket is not for this user.', cause: error })
  if (code === undefined) return error
  return cliProblem('gateway_broken_off', { detail: `The connection to ${place} ended (${code}).`, cause: error })
}

/** A problem as the gateway sent it (RFC 9457), or what can be said of an answer that is none. */
export function problemIn(text: string, status: number): Problem {
  const body = parse(text) as Record<string, unknown>
  const string = (name: string) => (typeof body[name] === 'string' ? { [name]: body[name] as string } : {})
  const code =
    typeof body.code === 'string' && /^[a-z0-9_]{1,64}$/.test(body.code) ? body.code : 'gateway_answer_unknown'
  const title = typeof body.title === 'string' ? body.title : `The gateway answered ${status}`
  return new Problem(code, { status, title }, { ...string('detail'), ...string('hint'), facts: factsIn(body) })
}

const usual: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'code',
  'detail',
  'hint',
  'instance',
  'requestId',
  // Said in the detail already.
  'part',
  'member',
])

/** What a problem says of this occurrence beside the members that every problem has; the request id last. */
function factsIn(body: Record<string, unknown>): ProblemFacts {
  const own = Object.entries(body).filter(([name]) => !usual.has(name) && /^[A-Za-z]\w{0,31}$/.test(name))
  const known = [...own, ['request', body.requestId] as const].filter(
    (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
  )
  return Object.fromEntries(known)
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
