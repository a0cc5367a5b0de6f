export type { Value } from '../grants/b.ts'
