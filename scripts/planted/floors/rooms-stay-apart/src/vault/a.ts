export { value } from '../grants/b.ts'
