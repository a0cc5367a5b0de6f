// kill -9 at random moments while a connection is renewed all the time. Whatever moment it is, the set that the database
// holds is the last one that the provider gave, or the one whose answer was on its way: never an older one, never none.
// A provider that takes the one before the last gives new tokens for either; with one that does not, the connection goes on
// or says that it must be connected anew, and nothing in between.
import { seeded } from '../../test/generators/seeded.ts'
import { Gateway } from '../../test/instruments/gateway.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { TokenEndpoint } from '../../test/instruments/token-endpoint.ts'
import { until } from '../../test/instruments/wait.ts'
import { loopback } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'

export interface RenewalKills {
  readonly kills: number
  readonly seed: number
  /** The provider takes a refresh token once and never again. */
  readonly strict?: boolean
}

export async function killRenewals({ kills, seed, strict = false }: RenewalKills): Promise<Figures> {
  const figures = new Figures(`kill -9 in renewals, ${strict ? 'a strict' : 'a lenient'} provider`)
  await using stack = new AsyncDisposableStack()
  const tokens = stack.use(await TokenEndpoint.start({ grace: !strict }))
  const upstream = await RecordingUpstream.start()
  stack.defer(() => upstream.close())
  const gateway = stack.use(await Gateway.start({ env: { NODE_EXTRA_CA_CERTS: tokens.authority.cert } }))
  upstream.on('guarded', (request, response) => {
    const shown = String(request.headers.authorization).replace(/^Bearer /, '')
    response.writeHead(tokens.knows(shown) ? 200 : 401).end()
  })
  const call = await furnished(gateway, upstream.origin, tokens)
  tokens.delayMs = 4
  const random = seeded(seed)
  let reconnected = 0
  for (let n = 0; n < kills; n++) {
    const load = renewing(gateway)
    const before = tokens.requests.length
    await until(() => tokens.requests.length > before)
    await sleep(random.below(60))
    await gateway.kill9()
    figures.load += tokens.requests.length - before
    await load.stop()
    await gateway.restart()
    figures.faults++
    const renewed = await gateway.operator('POST', '/connections/account/renew')
    if (strict && renewed.status === 503) {
      const refused = (renewed.json() as { code: string }).code
      const { status } = (await gateway.does<{ items: { status: string }[] }>('GET', '/credentials')).items[0] ?? {}
      if (refused !== 'credential_needs_reauth' || status !== 'needs_reauth') figures.lost.push(`kill ${n}: ${refused}`)
      await connect(gateway, tokens, true)
      reconnected++
    } else if (renewed.status !== 200) figures.lost.push(`kill ${n}: it cannot be renewed any more (${renewed.status})`)
    const called = await call()
    if (called !== 200) figures.lost.push(`kill ${n}: a call is answered ${called}`)
  }
  if (tokens.lost > 0) figures.lost.push(`${tokens.lost} times a refresh token was shown that had been replaced twice`)
  figures.notes.push(`${tokens.requests.length} requests for tokens, ${reconnected} times connected anew, seed ${seed}`)
  return figures
}

/** Renews, one after the other, until the gateway is gone. */
function renewing(gateway: Gateway) {
  let stopped = false
  const run = async () => {
    while (!stopped) await gateway.operator('POST', '/connections/account/renew').catch(() => sleep(1))
  }
  const running = run()
  return {
    async stop() {
      stopped = true
      await running
    },
  }
}

async function connect(gateway: Gateway, tokens: TokenEndpoint, replace: boolean): Promise<void> {
  const connection = tokens.issue()
  await gateway.does('POST', '/connections', { handle: 'account', service: 'api', connection, replace })
}

async function furnished(gateway: Gateway, origin: string, tokens: TokenEndpoint): Promise<() => Promise<number>> {
  await gateway.does('POST', '/services', {
    name: 'api',
    origins: [origin],
    addresses: loopback,
    injection: { kind: 'bearer' },
    oauth: { tokenUrl: tokens.url },
  })
  await connect(gateway, tokens, false)
  await gateway.does('POST', '/agents', { name: 'helper' })
  const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'helper' })
  await gateway.does('POST', '/grants', { agent: 'helper', service: 'api', scopes: ['api:*'] })
  return async () => {
    const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` }
    return (await gateway.agent('GET', '/to/api/guarded', { headers })).status
  }
}
