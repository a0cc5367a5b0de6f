export { value } from '../http/b.ts'
