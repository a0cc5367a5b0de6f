import type { PlainAsked, PlainRoute } from '../../http/plain-routes.ts'
import { askedBody, textIn } from './asked-body.ts'
import { invalid } from './contract.ts'
import type { ClauthNeeds } from './needs.ts'
import { whoAsks } from './who-asks.ts'

const NOT_YET =
  'Identity proofs are not supported by this gateway: see supportsIdentityBroker in /clauth/v1/capabilities.'

/** The routes of clauth.md §2.4: who asks is asked first, and nobody gets more than the words that there are no proofs. */
export function identityRoutes(needs: ClauthNeeds): PlainRoute[] {
  const posted = async (asked: PlainAsked) => {
    const skillId = textIn(await askedBody(asked), 'skillId')
    whoAsks(needs, asked, skillId === '' ? undefined : skillId)
    throw invalid(NOT_YET)
  }
  const seen = (asked: PlainAsked) => {
    const skillId = asked.query.get('skillId')?.trim()
    whoAsks(needs, asked, skillId === '' ? undefined : skillId)
    throw invalid(NOT_YET)
  }
  return [
    { method: 'POST', path: '/clauth/v1/identity/challenge', handle: posted },
    { method: 'POST', path: '/clauth/v1/identity/verify', handle: posted },
    { method: 'GET', path: '/clauth/v1/identity/challenge/{id}/status', handle: seen },
    { method: 'GET', path: '/clauth/v1/identity/proofs', handle: seen },
    {
      method: 'GET',
      path: '/clauth/v1/identity/oauth/callback',
      handle: ({ query }) => {
        if (!query.get('state') || !query.get('code')) throw invalid('state and code are required')
        throw invalid(NOT_YET)
      },
    },
  ]
}
