// Agents with keys, for the bench: key-client.ts MODE URL AGENTS_FILE CONNECTIONS SECONDS. The file holds a JSON array of
// {id, key}, the key as PKCS#8 PEM.
// `exchange`: challenge, signed proof, tokens, again and again. `dpop`: calls with a token that is bound to the key.
// `token`: signs in once and prints the access token. Prints one line of JSON at the end.
import { createHash, createPrivateKey, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { keySigner, signJwt } from '../../src/crypto/es256-signer.ts'
import { fromKey } from '../../src/crypto/p256.ts'

const [mode = '', url = '', agentsFile = '', connections = '32', seconds = '4'] = process.argv.slice(2)
const agents = (JSON.parse(readFileSync(agentsFile, 'utf8')) as { id: string; key: string }[]).map(({ id, key }) => {
  const privateKey = createPrivateKey(key)
  const { thumbprint, jwk } = fromKey(privateKey)
  return { id, jwk, signer: keySigner(thumbprint, privateKey) }
})
type KeyAgent = (typeof agents)[number]
const first = agents[0] as KeyAgent
const pool = new Pool(url, { connections: Number(connections) })
const json = { 'content-type': 'application/json' }

interface Tokens {
  readonly accessToken: string
}

async function post<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
  const answer = await pool.request({
    method: 'POST',
    path,
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  })
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
  return (await answer.body.json()) as T
}

async function exchange({ id: agent, signer } = first, headers: Record<string, string> = {}): Promise<Tokens> {
  const { challengeId, nonce } = await post<Record<string, string>>('/claviger/v1/auth/challenge', { agentId: agent })
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { aud: url, iss: agent, sub: agent, nonce, jti: randomUUID(), iat, exp: iat + 60 }
  const proof = await signJwt(signer, 'clv-auth+jwt', claims)
  return post('/claviger/v1/auth/token', { challengeId, proof }, headers)
}

const { jwk, signer } = first
const head = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'dpop+jwt', jwk })).toString('base64url')

async function dpop(htm: string, path: string, token?: string): Promise<string> {
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
  const claims = { jti: randomUUID(), iat: Math.floor(Date.now() / 1_000), htm, htu: `${url}${path}`, ...ath }
  const input = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${input}.${(await signer.sign(Buffer.from(input))).toString('base64url')}`
}

const CALL = '/to/items/v1/items'

async function boundCall({ accessToken }: Tokens): Promise<void> {
  const headers = { authorization: `DPoP ${accessToken}`, dpop: await dpop('GET', CALL, accessToken) }
  const answer = await pool.request({ method: 'GET', path: CALL, headers })
  await answer.body.dump()
  if (answer.statusCode !== 200) throw new Error(`${CALL}: ${answer.statusCode}`)
}

/** As many at once as there are connections, until the time is over; resolves to how many were done. */
async function load(work: (agent: KeyAgent) => Promise<unknown>): Promise<number> {
  const until = performance.now() + Number(seconds) * 1_000
  let done = 0
  const one = async (lane: number) => {
    const agent = agents[lane % agents.length] as KeyAgent
    while (performance.now() < until) {
      await work(agent)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: Number(connections) }, (_, lane) => one(lane)))
  return done
}

if (mode === 'token') process.stdout.write(`${JSON.stringify(await exchange())}\n`)
else {
  const bound =
    mode === 'dpop' ? await exchange(first, { dpop: await dpop('POST', '/claviger/v1/auth/token') }) : undefined
  const began = performance.now()
  const done = await load(bound ? () => boundCall(bound) : (agent) => exchange(agent))
  process.stdout.write(`${JSON.stringify({ done, seconds: (performance.now() - began) / 1_000 })}\n`)
}
await pool.close()
