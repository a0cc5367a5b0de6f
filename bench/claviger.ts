import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { gatewayEnv, gatewayFlags } from '../bin/run-node.js'
import { CREDENTIAL, ended, firstLine, PROXY_CORE, pinned, type Subject } from './subject.ts'

/** Of the agentic-credential-vault door. */
export const ADMIN_TOKEN = 'bench-admin-token-0123456789abcdef'

export interface Gateway extends Subject {
  readonly home: string
  readonly explicitCall: Subject
  operator(method: 'GET' | 'POST', path: string, body?: object): Promise<Record<string, unknown>>
  /** Ends the process and leaves its home; `stop` removes that as well. */
  end(): Promise<void>
}

export interface GatewayOptions {
  readonly name: string
  readonly port: number
  readonly upstreamPort: number
  readonly agents: number
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * The product as a user starts it: its own process, flags and default settings, durable audit on, scrubbing on.
 * One service, one credential, `agents` agents of which each has a token and a grant; the load comes with the last one's.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const home = join(mkdtempSync(join(tmpdir(), 'claviger-bench-')), 'home')
  const command = join(import.meta.dirname, '..', 'bin', 'claviger.js')
  const env = {
    ...gatewayEnv(),
    CLAVIGER_HOME: home,
    CLAVIGER_PORT: String(options.port),
    CLAVIGER_DEMO: 'off',
    // Its own port would be the next one, which is another gateway's here.
    CLAVIGER_OPERATOR_PORT: 'off',
    CLAVIGER_LOG: 'error',
    // For the doors: the upstream is plain HTTP on this machine, and no rate is to be what is measured.
    CLAUTH_ALLOW_INSECURE_HTTP: '1',
    CLAVIGER_VAULT_ADDRESSES: '127.0.0.0/8',
    CLAVIGER_VAULT_RPM: '0',
    CLAVIGER_BOTMAKER_REQUESTS_PER_MINUTE: '0',
    VAULT_ADMIN_TOKEN: ADMIN_TOKEN,
    ...options.env,
  }
  const child = pinned(PROXY_CORE, process.execPath, [...gatewayFlags, command, 'up'], env)
  const line = await firstLine(child, (text) => text.startsWith('claviger ready '))
  const { url, operatorToken } = JSON.parse(line.slice('claviger ready '.length)) as Record<string, string>
  const client = new Pool('http://operator', { socketPath: join(home, 'operator.sock'), connections: 256 })
  const operator = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await client.request({
      method,
      path: `/claviger/v1${path}`,
      headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const json = (await answer.body.json()) as Record<string, unknown>
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${JSON.stringify(json)}`)
    return json
  }
  await operator('POST', '/services', {
    name: 'items',
    origins: [`http://127.0.0.1:${options.upstreamPort}`],
    injection: { kind: 'bearer' },
    addresses: ['127.0.0.0/8'],
  })
  await operator('POST', '/credentials', { handle: 'items-key', service: 'items', secret: CREDENTIAL })
  const token = await addAgents(options.agents, operator)
  const subject = (path: string): Subject => ({
    name: options.name,
    url: `${url}${path}`,
    headers: [`Authorization: Bearer ${token}`],
    pids: [child.pid as number],
    stop: async () => {},
  })
  const end = async () => {
    if (!client.closed) await client.close()
    await ended(child)
  }
  return {
    ...subject('/to/items/v1/items'),
    home,
    explicitCall: {
      ...subject('/claviger/v1/call'),
      script: join(import.meta.dirname, 'subjects', 'explicit-call.lua'),
    },
    operator,
    end,
    stop: async () => {
      await end()
      rmSync(join(home, '..'), { recursive: true, force: true })
    },
  }
}

const AT_ONCE = 500

/** Adds agents with a token and a grant each, many at a time so that writes share commits; returns the last token. */
async function addAgents(count: number, operator: Gateway['operator']): Promise<string> {
  let token = ''
  for (let from = 0; from < count; from += AT_ONCE) {
    const names = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => `agent-${from + i}`)
    await Promise.all(names.map((name) => operator('POST', '/agents', { name })))
    await Promise.all(
      names.map((agent) => operator('POST', '/grants', { agent, service: 'items', scopes: ['items:read'] })),
    )
    const issued = await Promise.all(names.map((agent) => operator('POST', '/tokens', { agent })))
    token = String(issued.at(-1)?.token)
  }
  return token
}
