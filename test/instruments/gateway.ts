import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HeldPort, heldPort } from './held-port.ts'
import { type Reply, send } from './send.ts'

/** The repository, whichever folder the test runs in. */
export const repository = join(import.meta.dirname, '..', '..')

/** The line that a start prints when it serves and stdout is not a terminal. */
export interface Ready {
  readonly url: string
  /** Where the operators' pages are. */
  readonly operators?: string
  readonly home: string
  readonly operatorToken?: string
  readonly try?: string
  /** Where the vault did not open. */
  readonly state?: string
  readonly reason?: string
}

export interface GatewayOptions {
  /** A folder that holds (or will hold) the home; a fresh temporary one when left out. Kept by `remove()` only if given. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  /** Put before the command, e.g. `['strace', '-f', …]`. */
  readonly wrapper?: readonly string[]
  readonly operatorToken?: string
  /** Where all bytes of stdout and stderr go, for the taint oracle. The ready line is left out: it shows the token once. */
  readonly onOutput?: (chunk: Buffer) => void
}

/** What a start that does not get ready leaves behind. */
export class StartFailed extends Error {
  readonly code: number | null
  readonly output: string

  constructor(code: number | null, output: string) {
    super(`the gateway ended with ${code} before it was ready:\n${output}`)
    this.code = code
    this.output = output
  }
}

/** A real gateway in a child process and a home of its own. Everything goes through its doors. */
export class Gateway {
  readonly folder: string
  readonly #options: GatewayOptions
  readonly #output: Buffer[] = []
  #child: ChildProcess | undefined
  #ready: Ready | undefined
  /** Of the agents' listener, over all restarts. */
  #port: HeldPort | undefined
  #operatorToken: string | undefined

  private constructor(options: GatewayOptions) {
    this.#options = options
    this.#operatorToken = options.operatorToken
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'claviger-test-'))
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = new Gateway(options)
    gateway.#port = await heldPort()
    try {
      await gateway.#spawn({}, options.wrapper ?? [])
    } catch (error) {
      gateway.#port[Symbol.dispose]()
      if (options.folder === undefined) gateway.remove()
      throw error
    }
    return gateway
  }

  get home(): string {
    return join(this.folder, 'home')
  }

  get keyFile(): string {
    return `${this.home}.key`
  }

  get socketPath(): string {
    return join(this.home, 'operator.sock')
  }

  get url(): string {
    return this.#ready!.url
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get ready(): Ready {
    return this.#ready!
  }

  get operatorToken(): string {
    return this.#operatorToken ?? ''
  }

  /** The process that serves (not a wrapper around it). */
  get pid(): number {
    return this.#child!.pid!
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What the process has printed so far, the ready line apart. */
  output(): string {
    return Buffer.concat(this.#output).toString('utf8')
  }

  /** A request to the operators' socket with the operator token. `path` is below `/claviger/v1`. */
  operator(method: string, path: string, body?: unknown, token: string = this.operatorToken): Promise<Reply> {
    const authorization = token === '' ? {} : { authorization: `Bearer ${token}` }
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return send({
      socketPath: this.socketPath,
      method,
      path: `/claviger/v1${path}`,
      headers: { host: 'localhost', ...authorization, ...(json && { 'content-type': 'application/json' }) },
      body: json,
    })
  }

  /** The same, failing unless it is answered with 2xx. */
  async does<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.operator(method, path, body)
    if (reply.status >= 300) throw new Error(`${method} ${path} → ${reply.status} ${reply.text()}`)
    return (reply.body.length === 0 ? undefined : reply.json()) as T
  }

  /** A request to the agents' listener. */
  agent(
    method: string,
    path: string,
    options: Omit<Parameters<typeof send>[0], 'method' | 'path'> = {},
  ): Promise<Reply> {
    return send({ port: this.port, method, path, ...options })
  }

  /** SIGTERM, and the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) {
      const gone = once(this.#child!, 'close')
      this.#child!.kill(signal)
      await gone
    }
    return this.#child!.exitCode
  }

  async kill9(): Promise<void> {
    await this.stop('SIGKILL')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  /** Resolves with the exit code when the process ends by itself. */
  async ended(): Promise<number | null> {
    if (this.running) await once(this.#child!, 'close')
    return this.#child!.exitCode
  }

  /** Starts again on the same home and port. Gives the milliseconds until it said it was ready. */
  async restart(env: Readonly<Record<string, string>> = {}, wrapper: readonly string[] = []): Promise<number> {
    await this.stop()
    const from = performance.now()
    await this.#spawn(env, wrapper)
    return performance.now() - from
  }

  /** Starts again and kills it `afterMs` later, most often before it is ready. */
  async killWhileStarting(afterMs: number): Promise<void> {
    const started = this.#spawn({}, []).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await this.kill9()
    await started
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Stops and, where the folder was ours, removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== undefined) await this.kill9()
    this.#port?.[Symbol.dispose]()
    if (this.#options.folder === undefined) this.remove()
  }

  async #spawn(env: Readonly<Record<string, string>>, wrapper: readonly string[]): Promise<void> {
    const [command, ...rest] = [...dieWithUs(), ...wrapper, process.execPath, ...upCommand] as [string, ...string[]]
    const child = spawn(command, rest, {
      cwd: this.folder,
      env: {
        ...baseEnv(),
        CLAVIGER_HOME: this.home,
        CLAVIGER_PORT: `${this.#port?.port}`,
        // The one after ours may be another test's.
        CLAVIGER_OPERATOR_PORT: '0',
        ...this.#options.env,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr!.on('data', (chunk: Buffer) => this.#keep(chunk))
    const ready = await this.#readyLine(child)
    this.#ready = ready
    this.#operatorToken = ready.operatorToken ?? this.#operatorToken
  }

  #keep(chunk: Buffer): void {
    this.#output.push(chunk)
    this.#options.onOutput?.(chunk)
  }

  #readyLine(child: ChildProcess): Promise<Ready> {
    return new Promise((resolve, reject) => {
      let pending = ''
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        const lines = `${pending}${text}`.split('\n')
        pending = lines.pop() ?? ''
        for (const line of lines) {
          if (line.startsWith('claviger ready ')) resolve(JSON.parse(line.slice('claviger ready '.length)) as Ready)
          else this.#keep(Buffer.from(`${line}\n`))
        }
      })
      child.once('error', reject)
      child.once('close', (code) => reject(new StartFailed(code, this.output())))
    })
  }
}

let deathSignal: readonly string[] | undefined

/** Has the kernel end the gateway when the test process is killed; where it cannot, such a gateway is left behind. */
function dieWithUs(): readonly string[] {
  const wanted = ['setpriv', '--pdeathsig', 'KILL', '--']
  deathSignal ??= spawnSync('setpriv', [...wanted.slice(1), 'true']).status === 0 ? wanted : []
  return deathSignal
}

const upCommand = [join(repository, 'bin', 'claviger.js'), 'up']

/** The parent's environment without anything of ours, so that a developer's settings do not leak into a test. */
function baseEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(CLAVIGER_|NODE_OPTIONS|NODE_TEST|LOG_LEVEL|DEBUG)/.test(name),
  )
  return Object.fromEntries(kept) as Record<string, string>
}
