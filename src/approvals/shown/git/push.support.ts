/** Repositories made for a test, a server that git pushes to, and what a push to it sends. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Nothing of the machine's own settings, and the same commits at every run. */
const env = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@shop.test',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@shop.test',
  GIT_AUTHOR_DATE: '1800000000 +0000',
  GIT_COMMITTER_DATE: '1800000000 +0000',
}

export interface Push {
  readonly body: Buffer
  readonly headers: IncomingMessage['headers']
}

/** A working copy and the server it pushes to. */
export class PushWorld {
  readonly work: string
  /** Of the server. */
  readonly origin: string
  readonly #home: string
  readonly #server: Server
  #pushes: Push[] = []
  /** Whether the server tells git to send everything that is new whole, as some do. */
  noThin = false

  private constructor(home: string, server: Server) {
    this.#home = home
    this.#server = server
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.work = join(home, 'work')
  }

  static async open(format: 'sha1' | 'sha256' = 'sha1'): Promise<PushWorld> {
    const home = await mkdtemp(join(tmpdir(), 'claviger-push-'))
    const bare = join(home, 'bare.git')
    await run('git', ['init', '-q', '--bare', `--object-format=${format}`, bare], { env })
    await run('git', ['-C', bare, 'config', 'receive.advertisePushOptions', 'true'], { env })
    const server = createServer((request, response) => {
      void world.#answer(bare, request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const world = new PushWorld(home, server)
    await run('git', ['init', '-q', '-b', 'main', `--object-format=${format}`, world.work], { env })
    await world.git('remote', 'add', 'origin', `${world.origin}/o/r.git`)
    return world
  }

  async git(...args: readonly string[]): Promise<string> {
    return (await run('git', ['-C', this.work, ...args], { env, maxBuffer: 1 << 26 })).stdout
  }

  async commit(message: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.work, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    }
    await this.git('add', '-A')
    await this.git('commit', '-q', '--allow-empty', '-m', message)
    return (await this.git('rev-parse', 'HEAD')).trim()
  }

  /** What git sends for `git push ARGS`. */
  async push(...args: readonly string[]): Promise<Push> {
    this.#pushes = []
    await this.git('push', '-q', ...args)
    return this.#pushes.at(-1)!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await rm(this.#home, { recursive: true, force: true })
  }

  /** The two requests of the smart protocol, answered by git itself. */
  async #answer(bare: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const asks = request.method === 'GET'
    const service = /git-upload-pack$/.test(request.url ?? '') ? 'upload-pack' : 'receive-pack'
    if (!asks && service === 'receive-pack' && body.length > 4) this.#pushes.push({ body, headers: request.headers })
    const kind = asks ? 'advertisement' : 'result'
    response.setHeader('Content-Type', `application/x-git-${service}-${kind}`)
    if (asks) response.write(`${service === 'upload-pack' ? '001e' : '001f'}# service=git-${service}\n0000`)
    const args = [service, '--stateless-rpc', ...(asks ? ['--advertise-refs'] : []), bare]
    const child = spawn('git', args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.on('error', () => undefined)
    child.stdin.end(body)
    const answer: Buffer[] = []
    for await (const chunk of child.stdout) answer.push(chunk as Buffer)
    response.end(asks && this.noThin ? withNoThin(Buffer.concat(answer)) : Buffer.concat(answer))
  }
}

/** The advertisement with one capability more in its first line. */
function withNoThin(answer: Buffer): Buffer {
  const length = Number.parseInt(answer.toString('latin1', 0, 4), 16)
  const line = `${answer.toString('latin1', 4, length).trimEnd()} no-thin\n`
  const first = `${(line.length + 4).toString(16).padStart(4, '0')}${line}`
  return Buffer.concat([Buffer.from(first, 'latin1'), answer.subarray(length)])
}
