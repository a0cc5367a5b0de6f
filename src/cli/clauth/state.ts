// `clauth status` and `clauth doctor`.
import { lstatSync } from 'node:fs'
import { isUnguessable } from '../../crypto/guessed-secret.ts'
import { Problem } from '../../ground/problem.ts'
import { placeText } from '../../listen-places.ts'
import { isLoopback } from '../../settings.ts'
import type { Invocation } from '../verb.ts'
import type { ClauthVerb } from './clauth-verb.ts'

export const status: ClauthVerb = {
  about: '',
  flags: {},
  async run(_, invocation) {
    const { daemon, transport, activeSkillTokens, activeGrants, auditIntegrity } = await doorStatus(invocation)
    const credentialCount = await count(invocation, '/credentials')
    const provisionedSkillTokens = activeSkillTokens
    return { json: { daemon, transport, provisionedSkillTokens, activeGrants, credentialCount, auditIntegrity } }
  },
}

/** As the door tells everybody; with a socket of its own it is named by that. */
async function doorStatus(invocation: Invocation) {
  const answer = await invocation.agent().send({ method: 'GET', path: '/clauth/v1/status' })
  const json = JSON.parse(await answer.body.text())
  const { clauthListen } = invocation.settings()
  const own = clauthListen !== undefined && 'path' in clauthListen
  return own ? { ...json, transport: 'unix', daemon: `unix://${clauthListen.path}` } : json
}

/** Null for somebody who may not know. */
async function count({ operator }: Invocation, path: string): Promise<number | null> {
  try {
    return (await operator().ask({ method: 'GET', path })).items.length
  } catch (error) {
    if (error instanceof Problem) return null
    throw error
  }
}

interface Check {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

export const doctor: ClauthVerb = {
  about: '',
  flags: {},
  async run(_, invocation) {
    const checks = await examine(invocation)
    const passed = checks.every(({ ok }) => ok)
    return { json: { passed, checks }, code: passed ? 0 : 1 }
  },
}

async function examine(invocation: Invocation): Promise<Check[]> {
  let settings: ReturnType<Invocation['settings']>
  try {
    settings = invocation.settings()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return [{ check: 'config', ok: false, detail: error.detail ?? error.title }]
  }
  const { home, host, clauthListen, clauthAllowRemote, clauthAllowInsecureHttp } = settings
  const place = clauthListen === undefined ? '' : `, door at ${placeText(clauthListen)}`
  return [
    { check: 'config', ok: true, detail: `home ${home}` },
    { check: 'hardening.loopback-host', ok: isLoopback(host), detail: `host ${host}${place}` },
    off('hardening.remote-access', 'CLAUTH_ALLOW_REMOTE', clauthAllowRemote),
    off('hardening.insecure-http', 'CLAUTH_ALLOW_INSECURE_HTTP', clauthAllowInsecureHttp),
    await adminToken(invocation),
    { check: 'hardening.identity-admin-gate', ok: true, detail: 'identity routes are not there yet' },
    await asked('scope-store', invocation, '/clauth/grants', 'grants'),
    await integrity(invocation),
    paths(home),
    await asked('skill-auth-store', invocation, '/clauth/skill-tokens', 'skills with a token'),
  ]
}

function off(check: string, name: string, on: boolean): Check {
  return { check, ok: !on, detail: on ? `${name} is on` : 'off' }
}

/** None is safe: the admin routes then answer 503. The token itself goes nowhere: who answers at the port is not known. */
async function adminToken(invocation: Invocation): Promise<Check> {
  const check = 'hardening.admin-token'
  const token = invocation.terminal.env.CLAUTH_ADMIN_TOKEN
  const running = await atGateway(invocation)
  if (!token) return { check, ok: true, detail: `CLAUTH_ADMIN_TOKEN is not set here; ${running.said}` }
  if (token.length < 16) return { check, ok: false, detail: 'CLAUTH_ADMIN_TOKEN has fewer than 16 characters' }
  if (running.without) return { check, ok: false, detail: `CLAUTH_ADMIN_TOKEN is set here; ${running.said}` }
  if (isUnguessable(token)) return { check, ok: true, detail: 'set, and beyond guessing' }
  const detail = 'set; wrong ones of others can pause it, unless it is 32 random bytes in hex (clauth admin-token)'
  return { check, ok: true, detail }
}

/** Whether the gateway that runs was started without one, so far as it can be asked. */
async function atGateway(invocation: Invocation): Promise<{ without: boolean; said: string }> {
  try {
    const answer = await invocation.agent().send({ method: 'GET', path: '/clauth/v1/admin/skill-token/list' })
    await answer.body.dump()
    const without = answer.statusCode === 503
    return {
      without,
      said: `the gateway ${without ? 'has none, and admin routes answer 503' : 'was started with one'}`,
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { without: false, said: 'without it admin routes answer 503' }
  }
}

async function asked(check: string, { operator }: Invocation, path: string, what: string): Promise<Check> {
  try {
    const { items } = await operator().ask({ method: 'GET', path })
    return { check, ok: true, detail: `${items.length} ${what}` }
  } catch (error) {
    return refusedBy(check, error)
  }
}

async function integrity(invocation: Invocation): Promise<Check> {
  const check = 'audit-integrity'
  try {
    const { auditIntegrity } = await doorStatus(invocation)
    return { check, ok: auditIntegrity.valid, detail: auditIntegrity.reason ?? `${auditIntegrity.entries} entries` }
  } catch (error) {
    return refusedBy(check, error)
  }
}

function refusedBy(check: string, error: unknown): Check {
  if (!(error instanceof Problem)) throw error
  return { check, ok: false, detail: error.title }
}

function paths(home: string): Check {
  const stat = lstatSync(home, { throwIfNoEntry: false })
  const why =
    stat === undefined
      ? 'is not there yet: clauth init makes it'
      : !stat.isDirectory()
        ? 'is not a folder'
        : (stat.mode & 0o077) !== 0
          ? 'is open to other users'
          : undefined
  return { check: 'paths', ok: why === undefined, detail: `${home}${why === undefined ? '' : ` ${why}`}` }
}
