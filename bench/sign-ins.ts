import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { keySigner, signJwt } from '../src/crypto/es256-signer.ts'
import { fromKey } from '../src/crypto/p256.ts'
import type { Gateway } from './claviger.ts'
import { cpuUs } from './measure.ts'
import { type Plan, ratioOf, rounds } from './rounds.ts'
import { LOAD_CORE } from './subject.ts'

const run = promisify(execFile)
const CONNECTIONS = 32

export interface Rate {
  readonly perSecond: number
  /** CPU of the gateway for each, microseconds: a million over it is what one core can do. */
  readonly cpuUs: number
}

export interface SignIns {
  /** Challenge, proof, verified signature, durable session, signed token. */
  readonly exchanges: Rate
  /** Calls with a signed token, to those with an opaque one in the same rounds. */
  readonly jwt: { readonly throughput: number; readonly cpu: number }
  /** Calls with a token that is bound to a key: one signature is verified for each. */
  readonly dpop: Rate
}

/** What it costs to be recognised by a key. */
export async function signIns(gateway: Gateway, plan: Plan): Promise<SignIns> {
  const { origin } = new URL(gateway.url)
  const file = join(gateway.home, '..', 'agents.json')
  // One for each connection: an agent that signs in thousands of times a minute would have its oldest sign-ins ended.
  const names = Array.from({ length: CONNECTIONS }, (_, at) => `signs-in-${at}`)
  const agents = await Promise.all(names.map((name) => agentWithKey(gateway, origin, name)))
  writeFileSync(file, JSON.stringify(agents), { mode: 0o600 })
  const client = (mode: string, seconds: number) =>
    keyClient([mode, origin, file, String(CONNECTIONS), String(seconds)])
  const rate = async (mode: string): Promise<Rate> => {
    await client(mode, plan.seconds)
    const before = cpuUs(gateway.pids)
    const { done = 0, seconds = 1 } = await client(mode, plan.seconds * 2)
    return { perSecond: done / seconds, cpuUs: (cpuUs(gateway.pids) - before) / done }
  }
  const exchanges = await rate('exchange')
  const { accessToken } = await client('token', 0)
  const signed = { ...gateway, name: 'signed token', headers: [`Authorization: Bearer ${accessToken}`] }
  const kept = await rounds([gateway, signed], CONNECTIONS, plan)
  const { throughput, cpu } = ratioOf(kept, 'signed token', gateway.name)
  return { exchanges, jwt: { throughput, cpu }, dpop: await rate('dpop') }
}

async function keyClient(args: readonly string[]): Promise<{ done?: number; seconds?: number; accessToken?: string }> {
  const script = join(import.meta.dirname, 'subjects', 'key-client.ts')
  const { stdout } = await run('taskset', ['-c', LOAD_CORE, process.execPath, script, ...args])
  return JSON.parse(stdout)
}

async function agentWithKey(gateway: Gateway, origin: string, name: string): Promise<{ id: string; key: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { thumbprint } = fromKey(publicKey)
  const { id } = (await gateway.operator('POST', '/agents', { name })) as { id: string }
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { aud: origin, iat, exp: iat + 60, jti: randomUUID(), thumbprint }
  const proof = await signJwt(keySigner(thumbprint, privateKey), 'clv-register+jwt', claims)
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  await gateway.operator('POST', `/agents/${id}/keys`, { publicKey: pem, proof })
  await gateway.operator('POST', '/grants', { agent: id, service: 'items', scopes: ['items:read'] })
  return { id, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}
