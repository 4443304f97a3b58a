// Apart from the others: how long it takes to start depends on how many nodes are served.

import { serve } from "heddle/worker";
import { chained } from "../pools/dags.js";
import { SIZES, SMALL } from "../pools/group.js";

serve(chained(SIZES.chain), chained(SMALL.chain));
