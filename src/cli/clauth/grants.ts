import { Problem } from '../../ground/problem.ts'
import { cliProblem } from '../problems.ts'
import type { ClauthVerb } from './clauth-verb.ts'
import { serviceFor } from './credentials.ts'

const MOST_RPM = 100_000

export const grant: ClauthVerb = {
  about: '--skill S --provider P --scope a:b [--rpm n] [--handle H …]',
  flags: { skill: 'text', provider: 'text', scope: 'text', rpm: 'text', handle: 'many' },
  async run(flags, { operator }) {
    const [skillId, provider] = [flags.required('skill'), flags.required('provider').toLowerCase()]
    const scope = flags.required('scope').toLowerCase()
    const [, named] = /^([^:]+):[^:]+$/.exec(scope) ?? []
    if (named === undefined) throw cliProblem('usage', { detail: 'Scope must follow provider:action format.' })
    if (named !== '*' && named !== provider) {
      throw cliProblem('usage', { detail: 'Scope provider must match provider or wildcard.' })
    }
    const rateLimitPerMinute = flags.number('rpm', 0, MOST_RPM)
    const client = operator()
    await serviceFor(client, provider, {})
    const handles = flags.all('handle')
    const body = { skillId, provider, scope, rateLimitPerMinute, ...(handles.length > 0 && { handles }) }
    const { id: _, handles: given, ...json } = await client.ask({ method: 'POST', path: '/clauth/grants', body })
    return { json: { ...json, ...(given.length > 0 && { handles: given }) } }
  },
}

export const revoke: ClauthVerb = {
  about: '--skill S [--provider P] [--scope a:b]',
  flags: { skill: 'text', provider: 'text', scope: 'text' },
  async run(flags, { operator }) {
    const [provider, scope] = [flags.text('provider'), flags.text('scope')]
    const body = { skillId: flags.required('skill'), ...(provider && { provider }), ...(scope && { scope }) }
    const json = await operator()
      .ask({ method: 'POST', path: '/clauth/grants/revoke', body })
      .catch((error: unknown) => {
        if (error instanceof Problem && error.code === 'service_unknown') return { revoked: 0 }
        throw error
      })
    if (json.revoked > 0) return { json }
    throw cliProblem('clauth_grant_missing')
  },
}

export const emergencyRevoke: ClauthVerb = {
  about: '',
  flags: {},
  run: async (_, { operator }) => ({
    json: await operator().ask({ method: 'POST', path: '/clauth/emergency-revoke' }),
  }),
}
