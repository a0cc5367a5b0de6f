import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { readLabel } from '../../policy/label.ts'
import { type AskedBody, askedBody, textIn } from './asked-body.ts'
import { ADMIN_TOKEN_HEADER, invalid, SESSION_TTL_SECONDS, texts } from './contract.ts'
import type { ClauthNeeds } from './needs.ts'
import { issueSession, revokeSession, sessionRevocations } from './session-tokens.ts'
import { issueSkillToken, listSkillTokens, revokeSkillToken } from './skill-tokens.ts'

type Handler = (asked: PlainAsked) => Promise<object> | object

interface AdminRoute {
  readonly method: PlainRoute['method']
  readonly path: PlainRoute['path']
  readonly handler: Handler
}

/** The routes that want the admin token (clauth.md §2.3). */
export function adminRoutes(needs: ClauthNeeds): PlainRoute[] {
  const routes = [...skillRoutes(needs), ...sessionRoutes(needs), ...otherRoutes(needs)]
  return routes.map(({ method, path, handler }) => ({
    method,
    path,
    handle: async (asked): Promise<PlainReply> => {
      needs.checkAdmin(headerOf(asked.request.rawHeaders, ADMIN_TOKEN_HEADER), asked.client)
      return { status: 200, body: await handler(asked) }
    },
  }))
}

const post = (path: PlainRoute['path'], handler: (body: AskedBody) => Promise<object>): AdminRoute => {
  return { method: 'POST', path, handler: async (asked) => handler(await askedBody(asked)) }
}
const get = (path: PlainRoute['path'], handler: Handler): AdminRoute => ({ method: 'GET', path, handler })

function skillRoutes(needs: ClauthNeeds): AdminRoute[] {
  const path = '/clauth/v1/admin/skill-token'
  return [
    post(`${path}/issue`, async (body) => issueSkillToken(needs, skillIn(body), needs.admin)),
    post(`${path}/revoke`, async (body) => revokeSkillToken(needs, skillIn(body), needs.admin)),
    get(`${path}/list`, () => ({ tokens: listSkillTokens(needs) })),
  ]
}

function sessionRoutes(needs: ClauthNeeds): AdminRoute[] {
  const path = '/clauth/v1/admin/session-token'
  return [
    post(`${path}/issue`, async (body) => issueSession(needs, sessionIn(body), needs.admin)),
    post(`${path}/revoke`, async (body) => revokeSession(needs, revocationIn(body), 'admin-api', needs.admin)),
    get(`${path}/revocations`, async () => ({ revocations: await sessionRevocations(needs) })),
  ]
}

function otherRoutes(needs: ClauthNeeds): AdminRoute[] {
  const revoke = async () => ({ revoked: await needs.emergencyRevoke(needs.admin) })
  return [
    // Its body is not read: there is no time for questions.
    { method: 'POST', path: '/clauth/v1/emergency-revoke', handler: revoke },
    post('/clauth/v1/admin/alerts/test', async (body) => {
      const url = textIn(body, 'url')
      if (url === undefined || url === '') throw invalid(texts.url)
      return { ok: await needs.postOnce(url, testAlert(needs.now())), url }
    }),
    // Until there are proofs, none of them is known.
    { method: 'DELETE', path: '/clauth/v1/identity/proofs/{challengeId}', handler: () => ({ revoked: false }) },
  ]
}

function skillIn(body: AskedBody): string {
  const skillId = textIn(body, 'skillId')
  if (skillId === undefined || skillId === '') throw invalid(texts.skillId)
  return skillId
}

function sessionIn(body: AskedBody) {
  const skillId = skillIn(body)
  const scope = textIn(body, 'scope')
  const label = scope === undefined || scope === '' ? undefined : readLabel(scope)
  if (scope && label === undefined) throw invalid(texts.scope)
  return { skillId, label, ttlSeconds: positive(body, 'ttlSeconds') ?? SESSION_TTL_SECONDS }
}

function revocationIn(body: AskedBody) {
  const [token, jti] = [textIn(body, 'token'), textIn(body, 'jti')]
  if (token) return { token }
  if (!jti || jti.length > 128) throw invalid(texts.tokenOrJti)
  const exp = positive(body, 'exp')
  return { jti, expiresAt: exp === undefined ? undefined : exp * 1_000 }
}

function positive(body: AskedBody, name: string): number | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(Math.ceil(value)) && value > 0) return Math.ceil(value)
  throw invalid(`${name} must be a positive number`)
}

function testAlert(now: number): object {
  const timestamp = new Date(now).toISOString()
  return { severity: 'info', category: 'test', message: 'Clauth alert test', timestamp, metadata: { test: true } }
}
