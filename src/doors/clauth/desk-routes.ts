import { type BoundEndpoint, bind } from '../../http/endpoint.ts'
import { readLabel } from '../../policy/label.ts'
import type { Actor } from '../../storage/storage.ts'
import { invalid, texts } from './contract.ts'
import * as endpoints from './desk-contract.ts'
import { issueSession, revokeSession, sessionRevocations } from './session-tokens.ts'
import { adoptSkillToken, type ClauthDesk, issueSkillToken, listSkillTokens, revokeSkillToken } from './skill-tokens.ts'

/** A grant in the words of Clauth. */
export interface AskedGrant {
  readonly skillId: string
  readonly provider: string
  readonly scope: string
  readonly rateLimitPerMinute?: number | undefined
  readonly handles?: readonly string[] | undefined
}

/** Without a scope all of the provider's, without a provider all of the skill's. */
export interface AskedRevocation {
  readonly skillId: string
  readonly provider?: string | undefined
  readonly scope?: string | undefined
}

export interface DeskNeeds<Who> {
  readonly desk: ClauthDesk
  readonly actorOf: (who: Who) => Actor
  readonly give: (asked: AskedGrant, by: Actor) => Promise<endpoints.ClauthGrant>
  readonly grants: (skillId: string | undefined) => endpoints.ClauthGrant[]
  readonly revoke: (which: AskedRevocation, by: Actor) => Promise<number>
  readonly emergencyRevoke: (by: Actor) => Promise<number>
}

export function deskRoutes<Who>(needs: DeskNeeds<Who>): BoundEndpoint<Who>[] {
  const { desk } = needs
  const by = (caller: unknown) => needs.actorOf(caller as Who)
  return [
    bind(endpoints.giveClauthGrant, ({ body, caller }) => needs.give(body, by(caller))),
    bind(endpoints.listClauthGrants, ({ query }) => ({ items: needs.grants(query.skillId) })),
    bind(endpoints.revokeClauthGrants, async ({ body, caller }) => ({ revoked: await needs.revoke(body, by(caller)) })),
    bind(endpoints.issueClauthToken, ({ body, caller }) => issueSkillToken(desk, body.skillId, by(caller))),
    bind(endpoints.adoptClauthToken, ({ body, caller }) => adoptSkillToken(desk, body, by(caller))),
    bind(endpoints.revokeClauthToken, ({ body, caller }) => revokeSkillToken(desk, body.skillId, by(caller))),
    bind(endpoints.listClauthTokens, () => ({ items: listSkillTokens(desk) })),
    bind(endpoints.issueClauthSession, ({ body: { skillId, scope, ttlSeconds }, caller }) => {
      const label = scope === undefined ? undefined : readLabel(scope)
      if (scope !== undefined && label === undefined) throw invalid(texts.scope)
      return issueSession(desk, { skillId, label, ttlSeconds }, by(caller))
    }),
    bind(endpoints.revokeClauthSession, ({ body: { token, jti, exp }, caller }) => {
      if (token !== undefined) return revokeSession(desk, { token }, 'cli', by(caller))
      if (jti === undefined) throw invalid(texts.tokenOrJti)
      return revokeSession(desk, { jti, expiresAt: exp === undefined ? undefined : exp * 1_000 }, 'cli', by(caller))
    }),
    bind(endpoints.listClauthRevocations, async () => ({ items: await sessionRevocations(desk) })),
    bind(endpoints.clauthEmergency, async ({ caller }) => ({ revoked: await needs.emergencyRevoke(by(caller)) })),
  ]
}
