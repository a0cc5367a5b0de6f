export { value } from '../identity/b.ts'
