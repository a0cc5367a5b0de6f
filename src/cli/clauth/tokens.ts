import { randomBytes } from 'node:crypto'
import { cliProblem } from '../problems.ts'
import type { ClauthVerb } from './clauth-verb.ts'

const skill = '/clauth/skill-tokens'
const session = '/clauth/session-tokens'

/** One that the gateway knows to be beyond guessing: it is 32 random bytes in hex, and waits for nobody who guesses. */
export const adminToken: ClauthVerb = {
  about: '',
  flags: {},
  async run() {
    const note = 'Give it to the start of the gateway as CLAUTH_ADMIN_TOKEN; it is kept nowhere.'
    return { json: { token: randomBytes(32).toString('hex'), note } }
  },
}

export const skillToken: Readonly<Record<string, ClauthVerb>> = {
  issue: {
    about: '--skill S',
    flags: { skill: 'text' },
    async run(flags, { operator }) {
      const body = { skillId: flags.required('skill') }
      const json = await operator().ask({ method: 'POST', path: skill, body })
      return { json: { ...json, note: 'Store this token securely; it is shown only once.' } }
    },
  },
  revoke: {
    about: '--skill S',
    flags: { skill: 'text' },
    async run(flags, { operator }) {
      const body = { skillId: flags.required('skill') }
      return { json: await operator().ask({ method: 'POST', path: `${skill}/revoke`, body }) }
    },
  },
  list: {
    about: '',
    flags: { skill: 'text' },
    async run(flags, { operator }) {
      const { items } = await operator().ask({ method: 'GET', path: skill })
      const asked = flags.text('skill')
      const tokens = items.filter(({ skillId }: { skillId: string }) => asked === undefined || skillId === asked)
      return { json: { tokens } }
    },
  },
}

export const sessionToken: Readonly<Record<string, ClauthVerb>> = {
  issue: {
    about: '--skill S [--scope a:b] [--ttl s]',
    flags: { skill: 'text', scope: 'text', ttl: 'text' },
    async run(flags, { operator }) {
      const [scope, ttlSeconds] = [flags.text('scope'), flags.number('ttl', 1, 31_536_000)]
      const body = { skillId: flags.required('skill'), ...(scope && { scope }), ...(ttlSeconds && { ttlSeconds }) }
      return { json: await operator().ask({ method: 'POST', path: session, body }) }
    },
  },
  revoke: {
    about: '--token T | --jti J [--exp s]',
    flags: { token: 'text', jti: 'text', exp: 'text' },
    async run(flags, { operator }) {
      const [token, jti, exp] = [flags.text('token'), flags.text('jti'), flags.number('exp', 1, 99_999_999_999)]
      if (!token && !jti) throw cliProblem('usage', { detail: 'token or jti is required' })
      const body = token ? { token } : { jti, ...(exp && { exp }) }
      return { json: await operator().ask({ method: 'POST', path: `${session}/revoke`, body }) }
    },
  },
  list: {
    about: '',
    flags: {},
    async run(_, { operator }) {
      const { items: revocations } = await operator().ask({ method: 'GET', path: `${session}/revocations` })
      return { json: { revocations } }
    },
  },
}
