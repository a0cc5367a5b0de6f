import { problemsOf } from '../../ground/problem.ts'

export const adminProblem = problemsOf({
  llm_admin_missing: { status: 401, title: 'Missing authorization' },
  llm_admin_refused: { status: 403, title: 'Invalid admin token' },
  llm_admin_invalid: { status: 400, title: 'The request cannot be read' },
})
