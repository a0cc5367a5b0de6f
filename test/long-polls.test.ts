// Agents that wait for an answer: so many connections of one, and who leaves makes room at once (THREATS I10).
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { MOST_POLLS_OF_ONE } from '../src/approvals/long-polls.ts'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { type Reply, send } from './instruments/send.ts'
import { closed, until } from './instruments/wait.ts'

/** Less than a poll waits: what was freed by then was freed by its caller's leaving. */
const PATIENCE_MS = 30_000
let gateway: Gateway
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_STATED_ASSURANCE: 'tap' } })
})
after(() => gateway[Symbol.asyncDispose]())

interface Waiting {
  readonly id: string
  readonly headers: Record<string, string>
  /** Without `?wait=`. */
  readonly path: string
}
type Way = (name: string) => Promise<Waiting>

const headersOf = (token: string) => ({ host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` })

async function posted(path: string, token: string, body: object): Promise<Record<string, string>> {
  const headers = { ...headersOf(token), 'content-type': 'application/json' }
  const reply = await send({ port: gateway.port, method: 'POST', path, headers, body: JSON.stringify(body) })
  assert.equal(reply.status, 201, reply.text())
  return reply.json() as Record<string, string>
}

const natively: Way = async (name) => {
  await gateway.does('POST', '/agents', { name })
  const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })
  const { id = '' } = await posted('/claviger/v1/agents/self/approvals', token, { action: 'a' })
  return { id, headers: headersOf(token), path: `/claviger/v1/agents/self/approvals/${id}` }
}
const atClawGate: Way = async (name) => {
  await gateway.does('POST', '/agents', { name })
  const { key } = await gateway.does<{ key: string }>('POST', '/clawgate/api-keys', { agent: name, name: 'k' })
  const { requestId = '' } = await posted('/api/v1/approval/request', key, { action: 'a' })
  return { id: requestId, headers: headersOf(key), path: `/api/v1/approval/status/${requestId}` }
}

function poll({ headers, path }: Waiting, seconds: number, signal?: AbortSignal): Promise<Reply> {
  const asked = { port: gateway.port, method: 'GET', path: `${path}?wait=${seconds}`, headers }
  return send({ ...asked, ...(signal && { signal }) })
}

/** All that one agent may, each on a connection of its own. */
async function crowd(own: Waiting): Promise<{ leave(): void; over: Promise<(Reply | undefined)[]> }> {
  const leaving = new AbortController()
  const polls = Array.from({ length: MOST_POLLS_OF_ONE }, () => held(own, leaving.signal).catch(() => undefined))
  await until(async () => (await poll(own, 1)).status === 429, PATIENCE_MS)
  return { leave: () => leaving.abort(), over: Promise.all(polls) }
}

/** The one that looks takes room itself for a moment: then another comes again. */
async function held(own: Waiting, signal: AbortSignal): Promise<Reply> {
  for (;;) {
    const reply = await poll(own, 60, signal)
    if (reply.status !== 429) return reply
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

for (const [at, way] of [
  ['home', natively],
  ['clawgate', atClawGate],
] as const) {
  describe(`agents that wait at ${at}`, () => {
    test('are told to come again beyond their number, and others are not', async () => {
      const own = await way(`crowd-${at}`)
      const { leave, over } = await crowd(own)
      const refused = await poll(own, 60)
      assert.ok(Number(refused.headers['retry-after']) > 0)
      const { code, error } = refused.json() as { code?: string; error?: { code: string } }
      assert.equal(code ?? error?.code, way === natively ? 'polls_crowded' : 'RATE_LIMITED')
      const looked = await send({ port: gateway.port, method: 'GET', path: own.path, headers: own.headers })
      assert.equal(looked.status, 200, 'who does not wait takes no room')
      assert.equal((await poll(await way(`other-${at}`), 1)).status, 200)
      leave()
      await over
      await until(async () => (await poll(own, 1)).status === 200, PATIENCE_MS)
    })

    test('make room when they get their answer', async () => {
      const own = await way(`answered-${at}`)
      const { over } = await crowd(own)
      await asOperator(gateway, `deny ${own.id}`)
      assert.deepEqual(
        (await over).map((reply) => reply?.status),
        Array.from({ length: MOST_POLLS_OF_ONE }, () => 200),
      )
      assert.equal((await poll(own, 60)).status, 200)
    })
  })
}

test('agents that wait make room when they leave before their answer’s turn came', async () => {
  const own = await natively('in-a-row')
  const socket = connect(gateway.port, '127.0.0.1')
  const over = closed(socket)
  for (let left = MOST_POLLS_OF_ONE - 1; left > 0; left -= 1) socket.write(pollText(own))
  // What came after them was carried out, so they were read.
  const body = '{"action":"b"}'
  socket.write(`POST /claviger/v1/agents/self/approvals HTTP/1.1\r\n${linesOf(own)}content-type: application/json\r\n`)
  socket.write(`content-length: ${body.length}\r\n\r\n${body}`)
  await until(async () => {
    const { items } = await gateway.does<{ items: { says: string }[] }>('GET', '/approvals?agent=in-a-row')
    return items.some(({ says }) => says === 'b')
  })
  const two = async () => (await Promise.all([poll(own, 1), poll(own, 1)])).map(({ status }) => status).sort()
  assert.deepEqual(await two(), [200, 429])
  socket.destroy()
  await over
  await until(async () => (await two())[1] === 200, PATIENCE_MS)
})

const linesOf = ({ headers }: Waiting) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
const pollText = (own: Waiting) => `GET ${own.path}?wait=60 HTTP/1.1\r\n${linesOf(own)}\r\n`
