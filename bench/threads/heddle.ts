import { serve } from "heddle/worker";
import { SERVED } from "../pools/dags.js";

serve(...SERVED);
