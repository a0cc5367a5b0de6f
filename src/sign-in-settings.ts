// The settings about sign-ins: how often somebody may try, what is noticed, what is kept. Defaults: contract clawauth.md §6.
import { z } from 'zod'
import { RATE_PATTERN } from './identity/sign-ins/rate-table.ts'
import type { SignInSettings } from './identity/sign-ins/sign-ins.ts'
import { optionalPath, setting, whole } from './setting-shapes.ts'

const rate = () => z.string().toLowerCase().regex(RATE_PATTERN, 'a rate such as 10/min, 5/h or 100/s is wanted, or off')

export const signInSettings = {
  limitRegister: setting(rate(), {
    env: 'CLAVIGER_LIMIT_REGISTER',
    fallback: '5/h',
    doc: 'Registrations from one address. This and the other limits: `N/s`, `N/min`, `N/h`, or `off`; more are answered 429 with `Retry-After`. Addresses are counted as IPv4 address or IPv6 /64; clients on this machine are not limited by address.',
  }),
  limitChallenge: setting(rate(), {
    env: 'CLAVIGER_LIMIT_CHALLENGE',
    fallback: '10/min',
    doc: 'Challenges for one agent from one address.',
  }),
  limitChallengeAddress: setting(rate(), {
    env: 'CLAVIGER_LIMIT_CHALLENGE_ADDRESS',
    fallback: '60/min',
    doc: 'Challenges from one address, for all agents together.',
  }),
  limitAuthenticate: setting(rate(), {
    env: 'CLAVIGER_LIMIT_AUTHENTICATE',
    fallback: '10/min',
    doc: 'Proofs for one agent from one address.',
  }),
  limitRefresh: setting(rate(), {
    env: 'CLAVIGER_LIMIT_REFRESH',
    fallback: '30/min',
    doc: 'Refreshes of one sign-in.',
  }),
  limitVerify: setting(rate(), {
    env: 'CLAVIGER_LIMIT_VERIFY',
    fallback: '600/min',
    doc: 'Tokens that one relying service asks about.',
  }),
  limitTrust: setting(rate(), {
    env: 'CLAVIGER_LIMIT_TRUST',
    fallback: '60/min',
    doc: 'Trust reports of one relying service.',
  }),
  limitMetadata: setting(rate(), {
    env: 'CLAVIGER_LIMIT_METADATA',
    fallback: '600/min',
    doc: 'Requests from one address for the key set and the metadata.',
  }),
  limitPeople: setting(rate(), {
    env: 'CLAVIGER_LIMIT_PEOPLE',
    fallback: '30/min',
    doc: 'Requests of people who sign in, enrol or recover, from one address; this machine’s own too. A sign-in is two.',
  }),
  signInAddresses: setting(
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(['whole', 'network', 'none'], 'whole, network or none is wanted')),
    {
      env: 'CLAVIGER_SIGN_IN_ADDRESSES',
      fallback: 'network',
      doc: 'How much of an address a sign-in leaves behind: `whole`, `network` (IPv4 /24, IPv6 /48), or `none` (networks as keyed hashes). Records of the log cannot be erased.',
    },
  ),
  signInLearningDays: setting(whole(0, 3_650), {
    env: 'CLAVIGER_SIGN_IN_LEARNING_DAYS',
    fallback: '7',
    doc: 'Days from an agent’s first sign-in during which its networks are learnt and none is reported as new.',
  }),
  dormantDays: setting(whole(0, 36_500), {
    env: 'CLAVIGER_DORMANT_DAYS',
    fallback: '90',
    doc: 'An agent that signs in after so many days without is reported; 0 reports none.',
  }),
  geoipFile: setting(optionalPath(), {
    env: 'CLAVIGER_GEOIP_FILE',
    fallback: '',
    doc: 'GeoIP database in MaxMind’s format (`.mmdb`, country or city). With it sign-ins from far apart are reported. Read again when it changes; nothing is ever asked of others.',
  }),
}

type Chosen = { readonly [Name in keyof typeof signInSettings]: z.output<(typeof signInSettings)[Name]> }

/** The settings as the room takes them. */
export function signInSettingsOf(chosen: Chosen): SignInSettings {
  return {
    limits: {
      register: chosen.limitRegister,
      challenge: chosen.limitChallenge,
      challengeAddress: chosen.limitChallengeAddress,
      authenticate: chosen.limitAuthenticate,
      refresh: chosen.limitRefresh,
      verify: chosen.limitVerify,
      trust: chosen.limitTrust,
      metadata: chosen.limitMetadata,
    },
    addresses: chosen.signInAddresses,
    learningDays: chosen.signInLearningDays,
    dormantDays: chosen.dormantDays,
  }
}
