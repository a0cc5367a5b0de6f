import { problemsOf } from '../../ground/problem.ts'

export const signInProblems = {
  rate_limited: {
    status: 429,
    title: 'Too many attempts of this kind in a short time',
    hint: 'Wait as long as Retry-After says. An operator can change the limits: CLAVIGER_LIMIT_* in the configuration.',
  },
} as const

export const signInProblem = problemsOf(signInProblems)
