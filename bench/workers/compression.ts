// In a Worker: what compressing takes in workerd.

import { compressing } from "../compressing.js";
import { serve } from "./serve.js";

// biome-ignore lint/style/noDefaultExport: workerd looks for the handler there
export default serve(() => ({ compressing }));
