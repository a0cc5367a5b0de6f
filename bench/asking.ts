import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { type Gateway, startGateway } from './claviger.ts'

const AGENTS = 20
/** Of each agent: who asks more often than twenty times an hour is refused. */
const ASKS = 5
const CHAT = '4711'

interface Spread {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Asking {
  readonly samples: number
  /** From the first byte of the call to the message at the messenger. */
  readonly toChannel: Spread
  /** From the verdict's first byte to the service's answer at the caller that waited. */
  readonly toRelease: Spread
}

/** How long it takes until a phone is told of a call, and until the call goes on after the answer. */
export async function asking(upstreamPort: number, port: number): Promise<Asking> {
  const messenger = await startMessenger()
  const env = {
    CLAVIGER_TELEGRAM_API: messenger.root,
    TELEGRAM_BOT_TOKEN: `4711:${'b'.repeat(35)}`,
    TELEGRAM_CHAT_ID: CHAT,
  }
  const gateway = await startGateway({ name: 'asking', port, upstreamPort, agents: 0, env })
  try {
    const tokens = await askers(gateway, upstreamPort)
    const samples: { toChannel: number; toRelease: number }[] = []
    const client = new Pool(new URL(gateway.url).origin, { connections: 4 })
    for (let ask = 0; ask < ASKS; ask++) {
      for (const token of tokens) samples.push(await oneAsk(gateway, client, messenger, token, ask))
    }
    await client.close()
    // The first of each agent made connections and compiled what is loaded when it is first needed.
    const kept = samples.slice(AGENTS)
    return {
      samples: kept.length,
      toChannel: spread(kept.map(({ toChannel }) => toChannel)),
      toRelease: spread(kept.map(({ toRelease }) => toRelease)),
    }
  } finally {
    await gateway.stop()
    messenger.stop()
  }
}

async function askers({ operator }: Gateway, upstreamPort: number): Promise<string[]> {
  await operator('POST', '/services', {
    name: 'asked',
    origins: [`http://127.0.0.1:${upstreamPort}`],
    injection: { kind: 'bearer' },
    addresses: ['127.0.0.0/8'],
    actions: { pay: { method: 'POST', path: '/v1/items', ask: 'tap' } },
  })
  const secret = 'bench-credential-0123456789'
  await operator('POST', '/credentials', { handle: 'asked-key', service: 'asked', secret })
  const tokens: string[] = []
  for (let at = 0; at < AGENTS; at++) {
    const agent = `asks-${at}`
    await operator('POST', '/agents', { name: agent })
    await operator('POST', '/grants', { agent, service: 'asked', scopes: ['asked:*'] })
    tokens.push(String((await operator('POST', '/tokens', { agent })).token))
  }
  return tokens
}

async function oneAsk(gateway: Gateway, client: Pool, messenger: Messenger, token: string, ask: number) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ amount: ask, of: token.slice(-6) })
  const told = messenger.next()
  const from = performance.now()
  const call = client.request({ method: 'POST', path: '/to/asked/v1/items', headers, body })
  const toChannel = (await told) - from
  const { items } = await gateway.operator('GET', '/approvals?status=pending')
  const [{ id, digest }] = items as [{ id: string; digest: string }]
  const answered = performance.now()
  const verdict = gateway.operator('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
  const answer = await call
  const toRelease = performance.now() - answered
  await answer.body.dump()
  await verdict
  if (answer.statusCode !== 200) throw new Error(`bench: a call that was approved ended with ${answer.statusCode}`)
  return { toChannel, toRelease }
}

interface Messenger {
  readonly root: string
  /** Resolves to the time at which the next message arrives. */
  next(): Promise<number>
  stop(): void
}

/** As much of a messenger as a channel needs: it takes messages, and nobody ever answers one. */
async function startMessenger(): Promise<Messenger> {
  let hear: (at: number) => void = () => {}
  let sent = 0
  const results: Readonly<Record<string, () => unknown>> = {
    getMe: () => ({ id: 4711, is_bot: true, first_name: 'bench', username: 'bench_bot' }),
    sendMessage: () => {
      hear(performance.now())
      sent += 1
      return { message_id: sent, date: Math.floor(Date.now() / 1_000), chat: { id: Number(CHAT), type: 'private' } }
    },
  }
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const method = request.url?.split('/').at(-1) ?? ''
    request.resume()
    const answer = () => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ ok: true, result: results[method]?.() ?? (method === 'getUpdates' ? [] : true) }))
    }
    if (method === 'getUpdates') setTimeout(answer, 1_000)
    else answer()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    root: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () =>
      new Promise((resolve) => {
        hear = resolve
      }),
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
