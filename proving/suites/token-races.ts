// What may be used once, shown by many processes at the same moment: a challenge, a refresh token, an assertion, a proof of
// possession. There is one winner each time, and after a raced refresh token nothing of its sign-in is good.
import { KeyAgent } from '../../test/instruments/key-agent.ts'
import { dpopProof, newKeys } from '../../test/instruments/proofs.ts'
import type { Finish, Start } from '../../test/instruments/racer.ts'
import { Racers } from '../../test/instruments/racers.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { Figures } from '../figures.ts'

export interface TokenRaceOptions {
  /** Of each kind. */
  readonly artefacts: number
  readonly racers: number
}

/** What is raced for, and how losers may be answered. */
interface Race {
  readonly ask: Start['ask']
  readonly losers: number
  /** What is wrong afterwards, if anything is. */
  readonly after?: () => Promise<string | undefined>
}

/** Races that run at the same time: racers wait for the gateway, not for each other. */
const ABREAST = 4

export async function tokenRaces({ artefacts, racers }: TokenRaceOptions): Promise<Figures> {
  const figures = new Figures('F-01, F-09 token races')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const agent = await KeyAgent.add(around.gateway, 'racer')
  await around.gateway.does('POST', '/grants', { agent: 'racer', service: 'u', scopes: ['u:*'] })
  using started = new Racers(racers)
  const kinds = { challenge, refresh, assertion, proof: proofs(around, agent) }
  for (const [kind, prepare] of Object.entries(kinds)) {
    let n = 0
    const lane = async () => {
      while (n++ < artefacts) {
        const race = await prepare(around, agent)
        const finished = await started.race(race.ask)
        judge(kind, finished, race, figures)
        const wrong = await race.after?.()
        if (wrong !== undefined) figures.wrong.push(`${kind}: ${wrong}`)
      }
    }
    await Promise.all(Array.from({ length: ABREAST }, lane))
  }
  figures.notes.push(`${artefacts} of each kind (${Object.keys(kinds).join(', ')}), ${racers} processes each`)
  return figures
}

function judge(kind: string, finished: readonly Finish[], { losers }: Race, figures: Figures): void {
  figures.load += finished.length
  const winners = finished.filter(({ status }) => status === 200).length
  if (winners !== 1) figures.wrong.push(`${kind}: ${winners} winners`)
  const odd = finished.find(({ status }) => status !== 200 && status !== losers)
  if (odd !== undefined) figures.wrong.push(`${kind}: a loser got ${odd.status} ${odd.code}`)
}

async function challenge({ gateway }: World, agent: KeyAgent): Promise<Race> {
  return { ask: json(gateway.port, '/claviger/v1/auth/token', await agent.answer()), losers: 401 }
}

/** The winner's tokens are dead as well: two hold the refresh token, and nobody can say who was first. */
async function refresh(around: World, agent: KeyAgent): Promise<Race> {
  const { refreshToken, accessToken } = await agent.signIn()
  const after = async () => {
    const { status } = await around.call('/n', { token: accessToken })
    return status === 401 ? undefined : `a token of a raced sign-in was answered ${status}`
  }
  return { ask: json(around.gateway.port, '/claviger/v1/auth/refresh', { refreshToken }), losers: 401, after }
}

async function assertion({ gateway }: World, agent: KeyAgent): Promise<Race> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await agent.assertion(),
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return {
    ask: { port: gateway.port, method: 'POST', path: '/oauth/token', headers, body: form.toString() },
    losers: 401,
  }
}

/** Calls with a bound token; every hundred a new one, since they end. */
function proofs({ gateway }: World, agent: KeyAgent): (around: World) => Promise<Race> {
  const { privateKey } = newKeys()
  const prove = (method: string, path: string, token?: string) =>
    dpopProof(privateKey, method, `${gateway.url}${path}`, token)
  let made = 0
  let token: Promise<string> | undefined
  const newToken = async () => {
    const dpop = prove('POST', '/claviger/v1/auth/token')
    return (await agent.signIn(undefined, {}, { dpop })).accessToken
  }
  return async ({ upstream }) => {
    const n = made++
    if (n % 100 === 0 || token === undefined) token = newToken()
    const bound = await token
    const path = `/to/u/race/${n}`
    const headers = { authorization: `DPoP ${bound}`, dpop: prove('GET', path, bound) }
    const after = async () => {
      const reached = upstream.receipts.filter(({ url }) => url === `/race/${n}`).length
      return reached === 1 ? undefined : `${reached} calls with one proof reached the upstream`
    }
    return { ask: { port: gateway.port, method: 'GET', path, headers }, losers: 401, after }
  }
}

function json(port: number, path: string, body: object): Start['ask'] {
  return { port, method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
