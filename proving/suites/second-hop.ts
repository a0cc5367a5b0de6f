// B-02. The gateway's output through other people's HTTP readers: the requests that reach the origin are those that were
// admitted, under the same targets, with the same bodies, and no hidden one among them.
import { createHash } from 'node:crypto'
import { type Framing, framings } from '../../test/generators/framing.ts'
import { exchange } from '../../test/instruments/raw-http.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { intentPaths } from '../audit-on-disk.ts'
import { Figures } from '../figures.ts'
import { type Hop, hops } from '../second-hops.ts'

export interface HopOptions {
  readonly count: number
  readonly seed: number
}

export async function secondHops({ count, seed }: HopOptions): Promise<Figures> {
  const figures = new Figures('B-02 second hops')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  for (const [name, start] of Object.entries(hops)) {
    const hop = await start(around.upstream.port)
    if (hop === undefined) figures.notes.push(`${name} is not installed`)
    else await through(around, name, hop, framingsFor(around, name, seed, count), figures)
    await hop?.close()
  }
  await around.gateway.stop()
  const intents = intentPaths(around.gateway.home)
  for (const { url } of around.upstream.receipts) {
    if (!intents.has(url)) figures.lost.push(`no intent for ${url}`)
  }
  return figures
}

function framingsFor({ gateway }: World, hop: string, seed: number, count: number): Framing[] {
  // The token is put in when it is known: the service of each hop has its own agent.
  return framings(
    { path: `/to/${hop}/${hop}`, host: `127.0.0.1:${gateway.port}`, headers: 'X-Api-Key: TOKEN\r\n' },
    seed,
    count,
  )
}

async function through(
  around: World,
  name: string,
  hop: Hop,
  list: readonly Framing[],
  figures: Figures,
): Promise<void> {
  const { token } = await furnish(around.gateway, { name, origins: [hop.origin], secret: around.oracle.canary(name) })
  const queue = [...list]
  const answered = new Map<string, number>()
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const bytes = Buffer.from(next.bytes.toString('latin1').replaceAll('TOKEN', token), 'latin1')
      const { answers } = await exchange({ port: around.gateway.port }, bytes)
      answered.set(next.path, answers.filter((answer) => answer.status < 300).length)
      figures.inputs++
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  for (const { name: framing, path, smuggled, mayPipeline } of list) {
    const prefix = path.slice(`/to/${name}`.length)
    const urls = around.upstream.received(prefix).map((receipt) => receipt.url)
    const hidden = urls.includes(smuggled.slice(`/to/${name}`.length))
    if (hidden && !mayPipeline) figures.wrong.push(`${name}: ${framing}: the hidden request came through`)
    // A pipelined second request may be under way when the first answer is read.
    const most = mayPipeline ? 2 : Math.max(1, answered.get(path) ?? 0)
    if (urls.length > most) figures.wrong.push(`${name}: ${framing}: ${urls.length} requests`)
    figures.load += urls.length
  }
  await plainBodies(around, name, token, figures)
}

/** Bodies with a length and without arrive whole behind every hop. */
async function plainBodies(around: World, name: string, token: string, figures: Figures): Promise<void> {
  for (const [n, size] of [0, 1, 1_000, 70_000].entries()) {
    const body = Buffer.alloc(size, 'x')
    const reply = await around.call(`/digest/${name}/${n}`, { service: name, token, method: 'POST', body })
    const expected = createHash('sha256').update(body).digest('hex')
    const got = reply.status === 200 ? (reply.json() as { sha256: string }).sha256 : reply.text()
    if (got !== expected) figures.wrong.push(`${name}: a body of ${size} bytes changed: ${reply.status} ${got}`)
  }
}
