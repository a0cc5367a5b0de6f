/** The promise of this part, data only: operators as persons. Times are milliseconds since 1970. */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'
import { roles } from '../../http/endpoint.ts'
import { TtlSeconds } from '../../http/shapes.ts'
import { LABEL_PATTERN, NAME_PATTERN } from '../contract.ts'

export const RoleWord = z.enum(roles)
const OperatorName = z.string().regex(NAME_PATTERN, {
  error: 'lower-case letters, digits and . _ - between them, at most 64; not like an id',
})
const Time = z.int().nonnegative()

export const AddOperator = z.strictObject({ name: OperatorName, role: RoleWord })
export const SetOperatorRole = z.strictObject({ role: RoleWord })
export const IssueOperatorToken = z.strictObject({
  ttlSeconds: TtlSeconds.optional(),
  label: z.string().regex(LABEL_PATTERN).optional(),
})

export const OperatorView = z.object({
  id: z.string(),
  name: z.string(),
  role: RoleWord,
  status: z.enum(['active', 'revoked']),
  createdAt: Time,
})
export type OperatorView = z.output<typeof OperatorView>

export const peopleProblems = {
  operator_unknown: { status: 404, title: 'There is no such operator', hint: 'List them: claviger operator list' },
  operator_name_taken: { status: 409, title: 'Another operator has this name', hint: 'Choose another name' },
  operator_revoked: { status: 409, title: 'The operator was removed for good', hint: 'Add a new one' },
  last_owner: {
    status: 409,
    title: 'The last owner cannot be removed or given a lesser role',
    hint: 'Make somebody else an owner first: claviger operator role NAME owner',
  },
} as const

export const peopleProblem = problemsOf(peopleProblems)
