export { value } from '../vault/b.ts'
